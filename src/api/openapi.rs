//! The OpenAPI document, made of the table of routes: it cannot forget one, nor describe one that is not there.

use super::{
    about::{About, Kind},
    path::Service,
    routes::{Gate, Route, Routes},
};
use crate::app;
use serde_json::Value;
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HttpMethod, InfoBuilder, KnownFormat, LicenseBuilder, ObjectBuilder,
    OpenApi, OpenApiBuilder, PathsBuilder, Ref, RefOr, Required, ResponseBuilder, ResponsesBuilder, Schema,
    SchemaFormat, Type,
    path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem},
    request_body::{RequestBody, RequestBodyBuilder},
    schema::{ArrayBuilder, SchemaType},
    security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
};

/// The document.
pub(super) fn document(routes: &Routes) -> OpenApi {
    let mut all: Vec<&Route> = routes.all().collect();
    all.sort_by_key(|route| (route.service as u8, route.path));
    let mut paths = PathsBuilder::new();
    for route in all {
        let Some(method) = method(route) else { continue };
        paths = paths.path(full_path(route), PathItem::new(method, operation(route)));
    }
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("st2d")
                .version(app::STACKSTORM_VERSION)
                .description(Some(
                    "The REST interface of StackStorm, as st2d serves it. Every path also works without `/v1`. \
                     Log in with `POST /auth/v1/tokens` and send the token as `X-Auth-Token`, or send an API key as \
                     `St2-Api-Key`. Errors are `{\"faultstring\": \"…\"}`.",
                ))
                .license(Some(LicenseBuilder::new().name("Apache-2.0").build()))
                .build(),
        )
        .paths(paths)
        .components(Some(components()))
        .build()
}

fn components() -> utoipa::openapi::Components {
    let header = |name: &str| SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(name)));
    let query = |name: &str| SecurityScheme::ApiKey(ApiKey::Query(ApiKeyValue::new(name)));
    let fault =
        ObjectBuilder::new().property("faultstring", of_type(Type::String)).required("faultstring").build();
    ComponentsBuilder::new()
        .schema("Error", fault)
        .security_scheme("token", header("X-Auth-Token"))
        .security_scheme("key", header("St2-Api-Key"))
        .security_scheme("token-in-query", query("x-auth-token"))
        .security_scheme("key-in-query", query("st2-api-key"))
        .security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("auth-token"))))
        .security_scheme("password", SecurityScheme::Http(Http::new(HttpAuthScheme::Basic)))
        .build()
}

fn method(route: &Route) -> Option<HttpMethod> {
    match route.method.as_str() {
        "GET" => Some(HttpMethod::Get),
        "POST" => Some(HttpMethod::Post),
        "PUT" => Some(HttpMethod::Put),
        "DELETE" => Some(HttpMethod::Delete),
        _ => None,
    }
}

fn full_path(route: &Route) -> String {
    let prefix = match route.service {
        Service::Api => "/api/v1",
        Service::Auth => "/auth/v1",
        Service::Stream => "/stream/v1",
    };
    format!("{prefix}{}", route.path)
}

fn operation(route: &Route) -> OperationBuilder {
    let about = &route.about;
    let mut operation = OperationBuilder::new()
        .operation_id(Some(route.name.replace("::", ".")))
        .tag(route.path[1..].split('/').next().filter(|first| !first.is_empty()).unwrap_or("general"))
        .summary(Some(about.summary))
        .responses(responses(route, about));
    if let Gate::Permission(permission) = route.gate {
        operation = operation.description(Some(format!("Needs the permission `{}`.", permission.as_str())));
    }
    for name in variables(route.path) {
        operation = operation.parameter(parameter(name, Kind::Text, ParameterIn::Path));
    }
    for (name, kind) in &about.query {
        operation = operation.parameter(parameter(name, *kind, ParameterIn::Query));
    }
    if let Some(schema) = about.body {
        operation = operation.request_body(Some(body(schema)));
    }
    let none: [&str; 0] = [];
    if route.gate == Gate::Public {
        // Overrides nothing, but says it: anybody may call it.
        return operation.security(SecurityRequirement::default());
    }
    for scheme in ["token", "key", "token-in-query", "key-in-query", "cookie"] {
        operation = operation.security(SecurityRequirement::new(scheme, none));
    }
    operation
}

fn variables(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/').filter_map(|piece| piece.strip_prefix('{')?.strip_suffix('}'))
}

fn parameter(name: &str, kind: Kind, place: ParameterIn) -> Parameter {
    let text = || of_type(Type::String);
    let schema: Schema = match kind {
        Kind::Text => text().into(),
        Kind::Flag => of_type(Type::Boolean).into(),
        Kind::Number => of_type(Type::Integer).into(),
        Kind::Moment => text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).into(),
        Kind::Texts => ArrayBuilder::new().items(text()).into(),
    };
    let required = if place == ParameterIn::Path { Required::True } else { Required::False };
    let explode = (kind == Kind::Texts).then_some(false);
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .explode(explode)
        .description(explanation(name))
        .schema(Some(schema))
        .build()
}

/// What the parameters mean that many endpoints share.
fn explanation(name: &str) -> Option<&'static str> {
    Some(match name {
        "limit" => "Rows of a page; -1 for all (administrators only).",
        "offset" => "Rows to skip.",
        "sort" => "Names to sort by; `-` before a name sorts downwards.",
        "include_attributes" => "Show only these fields; dots lead into them.",
        "exclude_attributes" => "Leave these fields out.",
        "show_secrets" => "Show secret values. Heard from administrators only.",
        "ref_or_id" => "`pack.name`, or an id.",
        "name_or_id" => "A name or an id.",
        _ => return None,
    })
}

fn body(schema: &Value) -> RequestBody {
    let content = ContentBuilder::new().schema(Some(schema_of(schema))).build();
    RequestBodyBuilder::new().content("application/json", content).build()
}

fn responses(route: &Route, about: &About) -> utoipa::openapi::Responses {
    let fault = |text: &str| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Error"))).build();
        ResponseBuilder::new().description(text).content("application/json", content).build()
    };
    let status = about.success(&route.method);
    let mut success = ResponseBuilder::new().description("Done");
    if let Some(media_type) = about.produces.filter(|_| status != 204) {
        let shape: Schema = match media_type {
            "application/json" if about.is_list => ArrayBuilder::new().items(of_type(Type::Object)).into(),
            "application/json" => of_type(Type::Object).into(),
            _ => of_type(Type::String).into(),
        };
        success = success.content(media_type, ContentBuilder::new().schema(Some(shape)).build());
    }
    let mut responses = ResponsesBuilder::new().response(status.to_string(), success.build());
    if route.gate != Gate::Public {
        responses = responses.response("401", fault("Nobody knows who is calling"));
    }
    if variables(route.path).next().is_some() {
        responses = responses.response("404", fault("There is no such thing"));
    }
    responses.response("default", fault("It failed, and why")).build()
}

fn of_type(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(kind))
}

/// Our schemas say `required: true` at a property, OpenAPI lists the required ones.
fn schema_of(schema: &Value) -> RefOr<Schema> {
    if let Some(items) = schema.get("items") {
        return RefOr::T(ArrayBuilder::new().items(schema_of(items)).build().into());
    }
    let types: Vec<Type> = match &schema["type"] {
        Value::String(name) => type_of(name).into_iter().collect(),
        Value::Array(names) => names.iter().filter_map(Value::as_str).filter_map(type_of).collect(),
        _ => Vec::new(),
    };
    let declared = schema["properties"].as_object();
    let schema_type = match types.as_slice() {
        [] if declared.is_some() => SchemaType::Type(Type::Object),
        [] => SchemaType::AnyValue,
        [only] => SchemaType::Type(only.clone()),
        _ => SchemaType::Array(types),
    };
    let mut object = ObjectBuilder::new()
        .schema_type(schema_type)
        .description(schema["description"].as_str())
        .default(schema.get("default").cloned())
        .enum_values(schema["enum"].as_array().cloned());
    for (name, rules) in declared.into_iter().flatten() {
        object = object.property(name, schema_of(rules));
        if rules["required"] == true {
            object = object.required(name);
        }
    }
    RefOr::T(object.build().into())
}

fn type_of(name: &str) -> Option<Type> {
    Some(match name {
        "object" => Type::Object,
        "array" => Type::Array,
        "string" => Type::String,
        "integer" => Type::Integer,
        "number" => Type::Number,
        "boolean" => Type::Boolean,
        "null" => Type::Null,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{super::table, *};
    use serde_json::json;
    use std::collections::HashSet;

    #[test]
    fn every_route_is_described_once() {
        let routes = table::routes();
        let document = serde_json::to_value(document(&routes)).unwrap();
        let mut names = HashSet::new();
        for route in routes.all() {
            let method = route.method.as_str().to_lowercase();
            let operation = &document["paths"][full_path(route)][method.as_str()];
            assert!(
                operation["summary"].as_str().is_some_and(|text| text.len() > 5),
                "{method} {}",
                route.path
            );
            assert!(operation["responses"]["default"].is_object());
            assert!(names.insert(format!("{} {}", route.method, full_path(route))), "{} twice", route.path);
        }
        assert_eq!(
            document["paths"]["/api/v1/apikeys"]["get"]["parameters"][0],
            json!({"name": "user", "in": "query", "required": false, "schema": {"type": "string"}})
        );
    }
}
