//! `st2 service-registry`: the services that are alive.

use super::objects::{self, attributes};
use crate::cli::args::Matches;
use crate::cli::failure::Failure;
use crate::cli::http::encode;
use crate::cli::resource::Resource;
use crate::cli::session::Session;
use serde_json::{Value, json};

fn ids(session: &mut Session) -> Result<Vec<String>, Failure> {
    let answer = session.client.get("/service_registry/groups")?.json()?;
    let groups = answer["groups"].as_array().into_iter().flatten();
    Ok(groups.filter_map(Value::as_str).map(str::to_owned).collect())
}

/// `group list`.
pub(crate) fn groups(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    let groups = ids(session)?.into_iter().map(|id| json!({ "group_id": id })).collect();
    objects::print_list(session, resource, values, groups, &attributes(values, resource.columns))?;
    Ok(())
}

/// `member list`: of one group or of all.
pub(crate) fn members(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    let groups = match values.filled("group_id") {
        Some(group) => vec![group.to_owned()],
        None => ids(session)?,
    };
    let mut members = Vec::new();
    for group in groups {
        let path = format!("/service_registry/groups/{}/members", encode(&group));
        let answer = session.client.get(&path)?.json()?;
        members.extend(answer["members"].as_array().into_iter().flatten().cloned());
    }
    objects::print_list(session, resource, values, members, &attributes(values, resource.columns))?;
    Ok(())
}
