//! st2d: StackStorm in one daemon. The modules, in reading order; each may use those above it.
//!
//! `ARCHITECTURE.md` tells what happens; this file is only the map.

// ── 1 ground: plain data ────────────────────────────────────────────────────────────────
pub mod clock; //     now() and sleep(): the one source of time
pub mod pytext; //    values as Python writes and reads them: str(), repr(), literals, int(), JSON text
pub mod signature; // signatures of webhooks: GitHub, GitLab, Slack, HMAC-SHA256
pub mod crypto; //    encryption of secret values: StackStorm's key files and ciphertexts
pub mod yaml; //      YAML 1.1 as PyYAML reads it, with positions and limits; block style out
pub mod model; //     the nouns and their rules: ids, refs, status, action, execution…
pub mod schema; //    parameter schemas: defaults, types, immutability, validation, secrets
pub mod wire; //      JSON exactly as StackStorm clients see it; masks secrets
pub mod telemetry; // logging: level, form, stamps
pub mod config; //    st2.toml: one struct per section, checked at load

// ── 2 languages: text in, decisions out; pure ───────────────────────────────────────────
pub mod expr; //      Jinja with StackStorm's filters; YAQL
pub mod alias; //     action aliases: the formats of chat commands, matched
pub mod criteria; //  criteria of rules: operators, matching, the index over them
pub mod workflow; //  compiles definitions and decides what runs next

// ── 3 base: kept and announced ──────────────────────────────────────────────────────────
pub mod bus; //       carries events after commit
pub mod service; //   what a stage and its supervisor agree on
pub mod store; //     all SQL; ledger is the group writer

// ── 4 side rooms: used by the engine, not part of the flow ──────────────────────────────
pub mod access; //    who calls and what they may do: tokens, API keys, passwords; makes Permits
pub mod datastore; // keys and their secrets, and what templates see of them
pub mod content; //   packs on disk become rows: load, check, register
pub mod pack_config; // what a pack is configured with, resolved for a user
pub mod packs; //     packs are fetched and switched in: index, git, download, dependencies

// ── 5 engine: one folder per stage, in the order an event travels ───────────────────────
pub mod engine; //    executions, the scheduler, runners

// ── 6 edges: the HTTP servers ───────────────────────────────────────────────────────────
pub mod stream; //    Server-Sent Events: what happens, and the output of one execution, live
pub mod app; //       what the edges are handed: store, bus, config, access, engine, hub
pub mod api; //       routes, parsing, errors, handlers of every resource
pub mod cli; //       st2, the command-line client: knows the API alone

// ── 7 root ──────────────────────────────────────────────────────────────────────────────
pub mod daemon; //    starts everything in order, supervises it, stops it in order
