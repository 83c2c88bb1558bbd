//! `/rbac`: what permissions there are, and which roles. Roles of one's own, and who has which, come with RBAC;
//! without it there are the three that every system has, and nobody is given any.

use crate::{
    access::{Permission, ResourceType},
    api::{ApiResult, Error, Path, QueryString, json, list::listed},
    model::ObjectId,
};
use actix_web::{HttpResponse, http::StatusCode};
use serde_json::{Map, Value, json as value};

/// The roles every system has, in the order of their names, with ids that are the same everywhere.
const SYSTEM_ROLES: [(&str, ObjectId); 3] =
    [("admin", fixed(1)), ("observer", fixed(2)), ("system_admin", fixed(3))];

/// The id of what no row stands for. It has letters among its digits, as ids mostly do: clients quote numbers.
const fn fixed(number: u8) -> ObjectId {
    let mut bytes = *b"system-role ";
    bytes[11] = number;
    ObjectId(bytes)
}

/// `GET /rbac/roles`.
pub(in crate::api) async fn roles(query: QueryString) -> ApiResult<HttpResponse> {
    // All of them are roles of the system: whichever the client asks for, it gets them.
    query.boolean("system")?;
    let roles: Vec<Value> = SYSTEM_ROLES.iter().map(|(name, id)| role(name, *id)).collect();
    let bytes = serde_json::to_vec(&roles).unwrap_or_default();
    Ok(listed(bytes, i64::try_from(roles.len()).ok(), None))
}

/// `GET /rbac/roles/{name_or_id}`.
pub(in crate::api) async fn one_role(Path([asked]): Path<1>) -> ApiResult<HttpResponse> {
    let found = SYSTEM_ROLES.iter().find(|(name, id)| *name == asked || id.to_string() == asked);
    let (name, id) =
        found.ok_or_else(|| Error::not_found(format!("Resource with a name or id \"{asked}\" not found")))?;
    Ok(json(StatusCode::OK, &role(name, *id)))
}

/// `GET /rbac/role_assignments`.
pub(in crate::api) async fn role_assignments(query: QueryString) -> ApiResult<HttpResponse> {
    query.boolean("remote")?;
    Ok(listed(b"[]".to_vec(), Some(0), None))
}

/// `GET /rbac/role_assignments/{id}`.
pub(in crate::api) async fn role_assignment(Path([id]): Path<1>) -> ApiResult<HttpResponse> {
    Err(Error::not_found(format!("Unable to identify resource with id \"{id}\".")))
}

/// A role of the system as clients see it: what it allows is not made of grants.
fn role(name: &str, id: ObjectId) -> Value {
    value!({
        "name": name,
        "description": name,
        "system": true,
        "permission_grants": [],
        "id": id.to_string(),
        "permission_grant_ids": [],
        "permission_grant_objects": [],
    })
}

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
