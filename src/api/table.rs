//! The table of routes. A new endpoint is one entry here: method, service, path, who may pass, handler, and what it
//! is for. Everything else about routing is in [`super::routes`], and the OpenAPI document is made of this.

use super::{
    about::{Kind, about},
    handlers::*,
    path::Service,
    routes::{Gate, Line, Routes},
};
use crate::{access::Permission, alias};
use actix_web::http::Method;

macro_rules! routes {
    ($($method:ident $service:ident $path:literal $gate:expr => $handler:path, $about:expr;)*) => {{
        let mut table = Routes::default();
        $(table.add(
            Line {
                method: Method::$method,
                service: Service::$service,
                path: $path,
                gate: $gate,
                name: stringify!($handler),
                about: $about,
            },
            $handler,
        );)*
        table
    }};
}

/// Every route.
pub(super) fn routes() -> Routes {
    use Gate::{Admin, Login, Permission as Needs, Public, Signed};
    use Kind::{Flag, Moment, Number, Text, Texts};
    use Permission as P;
    const HTML: &str = "text/html";
    const PLAIN: &str = "text/plain";
    const EVENTS: &str = "text/event-stream";
    let executions_list = || {
        about("List executions, the newest first")
            .pages()
            .attributes()
            .secrets()
            .query(&[
                ("id", Texts),
                ("action", Text),
                ("status", Text),
                ("parent", Text),
                ("liveaction", Text),
            ])
            .query(&[("rule", Text), ("runner", Text), ("trigger", Text), ("trigger_type", Text)])
            .query(&[("trigger_instance", Text), ("user", Text), ("filter", Text), ("sort_asc", Text)])
            .query(&[
                ("sort_desc", Text),
                ("timestamp", Text),
                ("timestamp_gt", Moment),
                ("timestamp_lt", Moment),
            ])
    };
    routes! {
        GET Api "/" Login => root::version, about("Tell the version");
        GET Api "/user" Login => user::whoami, about("Tell who is calling");
        GET Api "/openapi.json" Public => docs::document, about("Describe the interface to programs");
        GET Api "/docs" Public => docs::page, about("Describe the interface to people").produces(HTML);
        GET Api "/docs/{rest}" Public => docs::part, about("Parts of that page").produces(HTML);

        POST Auth "/tokens" Public => tokens::create,
            about("Log in, with name and password by HTTP Basic authentication").body(&tokens::CREATE);
        POST Auth "/tokens/validate" Login => tokens::check,
            about("Tell whether a token opens").body(&tokens::VALIDATE).status(200);
        GET Auth "/sso" Public => sso::enabled, about("Tell whether single sign-on is on");
        GET Auth "/sso/request" Public => sso::unavailable, about("Begin single sign-on").status(307);
        POST Auth "/sso/callback" Public => sso::unavailable, about("End single sign-on").status(200);

        GET Stream "/stream" Needs(P::StreamView) => stream::everything,
            about("Follow what happens").produces(EVENTS)
                .query(&[("events", Texts), ("action_refs", Texts), ("execution_ids", Texts)])
                .query(&[("end_event", Text), ("end_execution_id", Text)]);
        GET Stream "/executions/{id}/output" Needs(P::StreamView) => stream::output,
            about("Follow what an execution prints").produces(EVENTS)
                .query(&[("output_type", Text), ("after", Number)]);

        GET Api "/actions" Needs(P::ActionList) => actions::list, about("List actions").list(&actions::LIST);
        GET Api "/actions/views/overview" Needs(P::ActionList) => action_views::list,
            about("List actions with the parameters of their runners").list(&actions::LIST);
        GET Api "/actions/views/overview/{ref_or_id}" Login => action_views::get,
            about("Get an action with the parameters of its runner");
        GET Api "/actions/views/parameters/{ref_or_id}" Login => action_views::parameters,
            about("Get the parameters of an action and its runner");
        GET Api "/actions/views/entry_point/{ref_or_id}" Login => action_views::entry_point,
            about("Get the source of an action").produces(PLAIN);
        GET Api "/actions/{ref_or_id}" Login => actions::get, about("Get an action");
        POST Api "/actions" Login => action_edits::create, about("Make an action").body(&action_edits::SCHEMA);
        PUT Api "/actions/{ref_or_id}" Login => action_edits::replace,
            about("Replace an action").body(&action_edits::SCHEMA);
        DELETE Api "/actions/{ref_or_id}" Login => action_edits::delete,
            about("Delete an action, and its files if asked for").body(&action_edits::DELETE);
        POST Api "/actions/{ref_or_id}/clone" Login => action_clone::clone,
            about("Copy an action").body(&action_clone::SCHEMA);

        GET Api "/packs" Needs(P::PackList) => packs::list, about("List packs").list(&packs::LIST);
        GET Api "/packs/views/files/{ref_or_id}" Login => pack_files::all, about("Get all text files of a pack");
        GET Api "/packs/views/file/{ref_or_id}/{rest}" Login => pack_files::one,
            about("Get one file of a pack").produces("application/octet-stream");
        POST Api "/packs/register" Needs(P::PackRegister) => pack_register::register,
            about("Read the files of packs again").body(&pack_register::SCHEMA).status(200);
        GET Api "/packs/index" Needs(P::PackSearch) => pack_management::list,
            about("List the packs of the index, and how its addresses do");
        GET Api "/packs/index/health" Needs(P::PackViewsIndexHealth) => pack_management::health,
            about("Tell how the addresses of the index do");
        POST Api "/packs/index/search" Needs(P::PackSearch) => pack_management::search,
            about("Search the index, or get one pack of it").status(200).body(&pack_management::SEARCH);
        POST Api "/packs/install" Needs(P::PackInstall) => pack_management::install,
            about("Install packs").status(202).body(&pack_management::INSTALL);
        POST Api "/packs/uninstall" Needs(P::PackUninstall) => pack_management::uninstall,
            about("Remove packs").status(202).body(&pack_management::UNINSTALL);
        GET Api "/packs/{pack}" Login => packs::get, about("Get a pack by reference or id");

        GET Api "/configs" Needs(P::PackList) => configs::list,
            about("List what packs are configured with").list(&configs::LIST).secrets();
        GET Api "/configs/{pack_ref}" Login => configs::get,
            about("Get what a pack is configured with").secrets();
        PUT Api "/configs/{pack_ref}" Needs(P::PackConfig) => configs::replace,
            about("Configure a pack").secrets().body(&configs::VALUES);
        GET Api "/config_schemas" Needs(P::PackList) => configs::list_schemas,
            about("List what packs can be configured with").list(&configs::SCHEMAS);
        GET Api "/config_schemas/{pack_ref}" Login => configs::get_schema,
            about("Get what a pack can be configured with");

        GET Api "/keys" Login => keys::list,
            about("List entries of the datastore").list(&keys::LIST)
                .query(&[("prefix", Text), ("scope", Text), ("user", Text), ("decrypt", Flag)]);
        GET Api "/keys/{name}" Login => keys::get,
            about("Get an entry of the datastore")
                .query(&[("scope", Text), ("user", Text), ("decrypt", Flag)]);
        PUT Api "/keys/{name}" Login => keys::put, about("Make or change an entry of the datastore").body(&keys::SCHEMA);
        DELETE Api "/keys/{name}" Login => keys::delete,
            about("Delete an entry of the datastore").query(&[("scope", Text), ("user", Text)]);

        GET Api "/triggertypes" Login => content::list_trigger_types,
            about("List trigger types").list(&content::TRIGGER_TYPES);
        GET Api "/triggertypes/{ref_or_id}" Login => content::get_trigger_type, about("Get a trigger type");
        POST Api "/triggertypes" Login => triggers::create_type,
            about("Make a trigger type").body(&triggers::TYPE);
        PUT Api "/triggertypes/{ref_or_id}" Login => triggers::replace_type,
            about("Replace a trigger type").body(&triggers::TYPE);
        DELETE Api "/triggertypes/{ref_or_id}" Login => triggers::delete_type, about("Delete a trigger type");
        GET Api "/triggers" Login => content::list_triggers, about("List triggers");
        GET Api "/triggers/{id}" Login => content::get_trigger, about("Get a trigger");
        POST Api "/triggers" Login => triggers::create, about("Make a trigger").body(&triggers::TRIGGER);
        PUT Api "/triggers/{id}" Login => triggers::replace, about("Replace a trigger").body(&triggers::TRIGGER);
        DELETE Api "/triggers/{id}" Login => triggers::delete, about("Delete a trigger");
        GET Api "/triggerinstances" Login => trigger_instances::list,
            about("List events").list(&trigger_instances::LIST).query(&[("trigger_type", Text)]);
        GET Api "/triggerinstances/{id}" Login => trigger_instances::get, about("Get an event");
        POST Api "/triggerinstances/{id}/re_emit" Login => trigger_instances::re_emit,
            about("Let an event happen again").status(200);
        GET Api "/webhooks" Needs(P::WebhookList) => webhooks::list, about("List the addresses rules wait for");
        GET Api "/webhooks/{url}" Login => webhooks::get, about("Get the trigger of an address");
        GET Api "/webhookdeliveries" Needs(P::WebhookList) => webhooks::deliveries,
            about("List the last deliveries to webhooks on this node, with what became of them")
                .query(&[("url", Text), ("limit", Number)]);
        POST Api "/webhooks/{rest}" Signed => webhooks::post, about("Make an event").status(202);
        GET Api "/sensortypes" Needs(P::SensorTypeList) => content::list_sensors,
            about("List sensors").list(&content::SENSORS);
        GET Api "/sensortypes/{ref_or_id}" Login => sensors::get, about("Get a sensor, and how it is doing");
        PUT Api "/sensortypes/{ref_or_id}" Login => sensors::replace,
            about("Enable or disable a sensor").body(&sensors::SCHEMA);
        GET Api "/timers" Needs(P::TimerList) => timers::list,
            about("List timers").query(&[("timer_type", Text)]);
        GET Api "/timers/{ref_or_id}" Login => timers::get, about("Get a timer");
        GET Api "/rules" Needs(P::RuleList) => content::list_rules,
            about("List rules").list(&content::RULES).secrets();
        GET Api "/rules/views" Needs(P::RuleList) => rules::views,
            about("List rules with what they are for").list(&rules::VIEWS).secrets();
        GET Api "/rules/views/{ref_or_id}" Login => rules::view,
            about("Get a rule with what it is for").secrets();
        GET Api "/rules/{ref_or_id}/why/{trigger_instance}" Login => rule_tests::why,
            about("Tell why a rule takes up an event or does not").secrets();
        POST Api "/rules/test" Login => rule_tests::test,
            about("Try a rule on an event; nothing is stored").secrets().body(&rule_tests::SCHEMA).status(200);
        GET Api "/rules/{rule}" Login => content::get_rule, about("Get a rule by reference or id").secrets();
        POST Api "/rules" Needs(P::RuleCreate) => rules::create, about("Make a rule").body(&rules::SCHEMA);
        PUT Api "/rules/{ref_or_id}" Login => rules::replace, about("Replace a rule").body(&rules::SCHEMA);
        DELETE Api "/rules/{ref_or_id}" Login => rules::delete, about("Delete a rule");
        GET Api "/ruleenforcements" Needs(P::RuleEnforcementList) => enforcements::list,
            about("List what rules made of events").list(&enforcements::LIST);
        GET Api "/ruleenforcements/views" Needs(P::RuleEnforcementList) => enforcements::views,
            about("List what rules made of events, with both").list(&enforcements::LIST);
        GET Api "/ruleenforcements/views/{id}" Login => enforcements::view,
            about("Get what a rule made of an event, with both");
        GET Api "/ruleenforcements/{id}" Login => enforcements::get, about("Get what a rule made of an event");
        GET Api "/ruletypes" Login => content::list_rule_types, about("List rule types");
        GET Api "/ruletypes/{id}" Login => content::get_rule_type, about("Get a rule type");
        GET Api "/actionalias" Needs(P::ActionAliasList) => content::list_aliases,
            about("List action aliases").list(&content::ALIASES);
        GET Api "/actionalias/help" Needs(P::ActionAliasHelp) => aliases::help,
            about("Tell people what they can type")
                .query(&[("filter", Text), ("pack", Text), ("limit", Number), ("offset", Number)]);
        GET Api "/actionalias/{alias}" Login => content::get_alias, about("Get an action alias");
        POST Api "/actionalias" Login => aliases::create,
            about("Make an action alias").body(&crate::content::alias::SCHEMA);
        POST Api "/actionalias/match" Needs(P::ActionAliasMatch) => aliases::find,
            about("Find the action alias that a command means").status(200).body(&aliases::COMMAND);
        PUT Api "/actionalias/{ref_or_id}" Login => aliases::replace,
            about("Replace an action alias").body(&crate::content::alias::SCHEMA);
        DELETE Api "/actionalias/{ref_or_id}" Login => aliases::delete, about("Delete an action alias");
        POST Api "/aliasexecution" Login => alias_executions::create,
            about("Run the action of an alias").secrets().body(&alias::request::NAMED);
        POST Api "/aliasexecution/match_and_execute" Login => alias_executions::match_and_execute,
            about("Run the action of the alias that a command means").secrets().body(&alias::request::MATCHED);
        GET Api "/policies" Needs(P::PolicyList) => content::list_policies,
            about("List policies").list(&content::POLICIES);
        GET Api "/policies/{ref_or_id}" Login => content::get_policy, about("Get a policy");
        GET Api "/traces" Needs(P::TraceList) => traces::list,
            about("List traces, the newest first").list(&traces::LIST)
                .query(&[("sort_asc", Text), ("sort_desc", Text)]);
        GET Api "/traces/{id}" Login => traces::get, about("Get a trace");
        POST Api "/policies" Login => policies::create, about("Make a policy").body(&policies::SCHEMA);
        PUT Api "/policies/{ref_or_id}" Login => policies::replace,
            about("Replace a policy").body(&policies::SCHEMA);
        DELETE Api "/policies/{ref_or_id}" Login => policies::delete, about("Delete a policy");
        GET Api "/policytypes" Needs(P::PolicyTypeList) => content::list_policy_types,
            about("List policy types").list(&content::POLICY_TYPES);
        GET Api "/policytypes/{ref_or_id}" Login => content::get_policy_type, about("Get a policy type");

        GET Api "/runnertypes" Needs(P::RunnerTypeList) => runner_types::list,
            about("List runner types").list(&runner_types::LIST);
        GET Api "/runnertypes/{name_or_id}" Login => runner_types::get, about("Get a runner type");
        PUT Api "/runnertypes/{name_or_id}" Login => runner_types::replace,
            about("Enable or disable a runner type").body(&runner_types::SCHEMA);

        GET Api "/service_registry/groups" Admin => service_registry::groups, about("List groups of services");
        GET Api "/service_registry/groups/{id}/members" Admin => service_registry::members,
            about("List the services of a group");
        GET Api "/rbac/roles" Admin => rbac::roles, about("List roles").query(&[("system", Flag)]);
        GET Api "/rbac/roles/{name_or_id}" Admin => rbac::one_role, about("Get a role");
        GET Api "/rbac/role_assignments" Admin => rbac::role_assignments,
            about("List who has which role")
                .query(&[("user", Text), ("role", Text), ("source", Text), ("remote", Flag)]);
        GET Api "/rbac/role_assignments/{id}" Admin => rbac::role_assignment,
            about("Get the assignment of a role");
        GET Api "/rbac/permission_types" Admin => rbac::permission_types, about("List permissions by resource type");
        GET Api "/rbac/permission_types/{type}" Admin => rbac::permission_type,
            about("List the permissions of one resource type");

        GET Api "/executions" Needs(P::ExecutionList) => executions::read::list, executions_list();
        GET Api "/executions/views/filters" Needs(P::ExecutionViewsFiltersList) => executions::read::filters,
            about("List the values executions can be filtered by").query(&[("types", Texts)]);
        GET Api "/executions/{id}" Login => executions::read::get,
            about("Get an execution; `last` is the newest").attributes().secrets()
                .query(&[("max_result_size", Number)]);
        GET Api "/executions/{id}/children" Login => executions::read::children,
            about("List what an execution asked for").query(&[("depth", Number), ("result_fmt", Text)]);
        GET Api "/executions/{id}/output" Login => executions::output::text,
            about("Get what an execution printed").produces(PLAIN).query(&[("output_type", Text)]);
        GET Api "/executions/{id}/attribute/{name}" Login => executions::read::attribute,
            about("Get one field of an execution");
        GET Api "/executions/{id}/result" Login => executions::read::result,
            about("Get the result of an execution").produces("text/json")
                .query(&[("download", Flag), ("compress", Flag), ("pretty_format", Flag)]);
        GET Api "/executions/{id}/why" Login => executions::why::get,
            about("Tell what led to where an execution stands, and what it waits for");
        POST Api "/executions" Login => executions::write::create,
            about("Run an action").secrets().body(&executions::write::REQUEST);
        PUT Api "/executions/{id}" Login => executions::write::change,
            about("Pause or resume an execution, or set its status").secrets().body(&executions::write::CHANGE);
        DELETE Api "/executions/{id}" Login => executions::write::cancel,
            about("Cancel an execution").secrets().status(200);
        POST Api "/executions/{id}/re_run" Login => executions::write::rerun,
            about("Run an execution again").secrets().body(&executions::write::RERUN);

        GET Api "/inquiries" Needs(P::InquiryList) => inquiries::list,
            about("List open inquiries").pages().attributes();
        GET Api "/inquiries/{id}" Login => inquiries::get, about("Get an open inquiry");
        PUT Api "/inquiries/{id}" Login => inquiries::respond,
            about("Answer an inquiry").body(&inquiries::RESPONSE);

        POST Api "/workflows/inspect" Login => workflows::inspect,
            about("List what is wrong with a workflow definition").status(200);

        GET Api "/apikeys" Needs(P::ApiKeyList) => api_keys::list,
            about("List API keys").list(&api_keys::LIST).secrets();
        POST Api "/apikeys" Needs(P::ApiKeyCreate) => api_keys::create,
            about("Make an API key; it is shown this once").body(&api_keys::SCHEMA);
        GET Api "/apikeys/{id}" Login => api_keys::get, about("Get an API key by id or by itself").secrets();
        PUT Api "/apikeys/{id}" Login => api_keys::replace, about("Change an API key").body(&api_keys::SCHEMA);
        DELETE Api "/apikeys/{id}" Login => api_keys::delete, about("Delete an API key");
    }
}
