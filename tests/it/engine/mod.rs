//! The engine as clients see it: executions from request to end, and what faults do to them.

mod chatops;
mod control;
mod criteria_faults;
mod pattern_faults;
mod external;
mod faults;
mod http_request;
mod inquiries;
mod kills;
mod messages;
mod nodes;
mod notifier;
mod patience;
mod policies;
mod python;
mod remote;
mod requests;
mod sensors;
mod rule_nodes;
mod rules;
mod shell;
mod spool;
mod webhooks;
mod why;
mod workflows;
mod winrm;
