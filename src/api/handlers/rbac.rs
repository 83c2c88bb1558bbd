//! `/rbac`: what permissions there are.

use crate::{
    access::{Permission, ResourceType},
    api::{ApiResult, Error, Path, json},
};
use actix_web::{HttpResponse, http::StatusCode};
use serde_json::{Map, Value};

/// `GET /rbac/permission_types`: the permissions of every type of resource.
pub(in crate::api) async fn permission_types() -> ApiResult<HttpResponse> {
    let types = ResourceType::ALL.iter();
    let types: Map<String, Value> =
        types.map(|kind| (kind.as_str().to_owned(), Value::Object(permissions(*kind)))).collect();
    Ok(json(StatusCode::OK, &types))
}

/// `GET /rbac/permission_types/{type}`: those of one type.
pub(in crate::api) async fn permission_type(Path([name]): Path<1>) -> ApiResult<HttpResponse> {
    let kind = ResourceType::ALL.iter().find(|kind| kind.as_str() == name);
    let kind = kind.ok_or_else(|| Error::not_found(format!("Invalid resource type: {name}")))?;
    Ok(json(StatusCode::OK, &permissions(*kind)))
}

/// The permissions that can be granted on one type: its own, and of its children those that are about one object.
fn permissions(kind: ResourceType) -> Map<String, Value> {
    let own = Permission::ALL.iter().filter(|it| it.resource_type() == kind);
    let inherited = kind.children().iter().flat_map(|child| {
        Permission::ALL.iter().filter(move |it| it.resource_type() == *child && it.is_about_one())
    });
    own.chain(inherited).map(|it| (it.as_str().to_owned(), Value::String(it.about().to_owned()))).collect()
}
