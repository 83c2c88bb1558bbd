//! `/aliasexecution`: what is typed in a chat becomes an execution, and what the chat is told at once.

mod ack;
mod parameters;

use super::{
    aliases::{apart, find_one},
    executions::view,
};
use crate::{
    access::{Caller, Permission},
    alias::{self, Command, Format, request::Origin},
    api::{ApiResult, Error, Object, QueryString, json, validate},
    app::App,
    engine::execution,
    model::{Alias, ExecutionRequest},
    store, wire,
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::{Map, Value, json as value};
use std::sync::LazyLock;

/// What StackStorm's OpenAPI document declares of a command; the rest is checked after it.
static DECLARED: LazyLock<Value> = LazyLock::new(|| {
    value!({
        "properties": {
            "command": {"type": "string", "required": true},
            "source_channel": {"type": "string", "required": true},
            "user": {"type": "string", "required": true},
            "notification_channel": {"type": "string"},
            "notification_route": {"type": "string"},
        }
    })
});

/// `POST /aliasexecution`: the bot knows the alias and the format that fits.
pub(in crate::api) async fn create(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
    body: Object,
) -> ApiResult<HttpResponse> {
    let mask = caller.masking(query.boolean("show_secrets")?.unwrap_or(false));
    let request = checked(alias::request::named(&Value::Object(body.0))?)?;
    let text = |key: &str| request.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (name, format) = (text("name"), text("format"));
    if name.is_empty() {
        return Err(Error::bad_request("Alias execution \"name\" is required"));
    }
    let alias = named(&app, &name, &format).await?;
    let run = Run { app: &app, caller: &caller, alias, origin: Origin::of(&request), mask };
    let mut results = run.all(format, false).await?;
    Ok(json(StatusCode::CREATED, &results.pop().unwrap_or_default()))
}

/// `POST /aliasexecution/match_and_execute`: the alias is looked for here.
pub(in crate::api) async fn match_and_execute(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
    body: Object,
) -> ApiResult<HttpResponse> {
    let mask = caller.masking(query.boolean("show_secrets")?.unwrap_or(false));
    validate::object(&DECLARED, &body.0)?;
    let request = checked(alias::request::matched(&Value::Object(body.0))?)?;
    let origin = Origin::of(&request);
    let found = find_one(&app, origin.command.clone()).await?;
    let run = Run { app: &app, caller: &caller, alias: found.alias, origin, mask };
    let results = run.all(found.representation, found.several).await?;
    Ok(json(StatusCode::CREATED, &value!({"results": results})))
}

fn checked(request: Value) -> ApiResult<Map<String, Value>> {
    match request {
        Value::Object(fields) => Ok(fields),
        other => Err(validate::not_an_object(&other)),
    }
}

/// The alias of this name. Packs may have one each, and bots say no pack: the one that knows the format is meant.
async fn named(app: &App, name: &str, format: &str) -> ApiResult<Alias> {
    let mut there = store::aliases::named(app.store.pool(), name).await?;
    if there.is_empty() {
        let name = crate::pytext::repr_str(name);
        let text = format!("Unable to find the ActionAliasDB instance. {{'name': {name}}}");
        return Err(Error::not_found(text));
    }
    let knows = |alias: &Alias| alias.enabled && alias::usable_formats(&alias.formats).any(|it| it == format);
    let meant = there.iter().position(knows).unwrap_or(0);
    Ok(there.swap_remove(meant))
}

/// One request, its alias found.
struct Run<'a> {
    app: &'a App,
    caller: &'a Caller,
    alias: Alias,
    origin: Origin,
    mask: bool,
}

impl Run<'_> {
    /// Requests an execution for each place in the command that fits; answers with what the chat is told of each.
    async fn all(self, format: String, match_multiple: bool) -> ApiResult<Vec<Map<String, Value>>> {
        let alias = &self.alias;
        if !alias.enabled {
            let text = format!("Action alias with name \"{}\" is disabled.", alias.name);
            return Err(Error::bad_request(text));
        }
        if !alias::usable_formats(&alias.formats).any(|it| it == format) {
            return Err(Error::bad_request(format!(
                "Format string \"{format}\" is not available on the alias \"{}\"",
                alias.name
            )));
        }
        let mut sets = extract(format, self.origin.command.clone(), match_multiple).await?;
        let reference = value!({"id": alias.id, "name": alias.name});
        let context = self.origin.context(&reference, self.caller.user());
        parameters::fix(self.app, &alias.immutable_parameters, &mut sets, &context).await?;
        let mut results = Vec::with_capacity(sets.len());
        for parameters in sets {
            results.push(self.one(parameters, &context).await?);
        }
        Ok(results)
    }

    async fn one(
        &self,
        parameters: Map<String, Value>,
        context: &Map<String, Value>,
    ) -> ApiResult<Map<String, Value>> {
        let engine = &self.app.engine;
        let action = &self.alias.action_ref;
        let runnable = engine.catalog().find(action).await?;
        let runnable =
            runnable.ok_or_else(|| Error::not_found(format!("Action with ref \"{action}\" not found ")))?;
        let uid = wire::snapshot::action_uid(action);
        let permit = self.caller.permit(Permission::ActionExecute, uid.as_str())?;
        let asked = ExecutionRequest {
            action: action.clone(),
            parameters: parameters::cast(&runnable.snapshot, parameters)?,
            context: context.clone(),
            notify: self.origin.notify(),
            ..ExecutionRequest::default()
        };
        let execution = execution::request(engine, permit.user(), asked, None).await?;
        let shown = wire::execution::loaded(&execution, &view(self.app, self.mask));
        let shown = serde_json::from_slice(&shown).map_err(|error| Error::Internal(error.into()))?;
        let mut result = Map::new();
        result.insert("execution".to_owned(), shown);
        result.insert("actionalias".to_owned(), Value::Object(wire::content::alias(&self.alias)));
        let ack = self.alias.ack.clone();
        apart(move || {
            ack::add(&ack, &mut result);
            Ok(result)
        })
        .await
    }
}

async fn extract(
    format: String,
    command: String,
    match_multiple: bool,
) -> ApiResult<Vec<Map<String, Value>>> {
    apart(move || {
        let sets = Command::read(&command).and_then(|command| {
            let format = Format::compile(&format)?;
            if match_multiple { format.extract_all(&command) } else { Ok(vec![format.extract(&command)?]) }
        });
        sets.map_err(|error| Error::bad_request(error.to_string()))
    })
    .await
}
