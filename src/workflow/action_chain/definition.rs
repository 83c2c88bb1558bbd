//! A definition: checked, with its first node found.

use crate::schema::{self, Options};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// A checked chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    nodes: Vec<Node>,
    default: String,
    /// What it computes at its start.
    pub(super) vars: Map<String, Value>,
}

/// One step of a chain.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// The action it runs.
    pub reference: String,
    /// As written.
    written: Map<String, Value>,
}

static NODE: LazyLock<Value> = LazyLock::new(|| {
    let notification = json!({
        "type": "object",
        "properties": {
            "message": {"type": "string", "description": "Message to use for notification"},
            "data": {"type": "object", "description": "Data to be sent as part of notification"},
            "routes": {"type": "array", "description": "Channels to post notifications to."},
            "channels": {"type": "array", "description": "Channels to post notifications to."},
        },
        "additionalProperties": false,
    });
    json!({
        "title": "Node",
        "description": "Node of an ActionChain.",
        "type": "object",
        "properties": {
            "name": {"description": "The name of this node.", "type": "string", "required": true},
            "ref": {"type": "string", "description": "Ref of the action to be executed.", "required": true},
            "params": {"type": "object", "default": {}},
            "parameters": {"type": "object", "description": "Parameter for the execution.", "default": {}},
            "on-success": {"type": "string", "default": ""},
            "on-failure": {"type": "string", "default": ""},
            "publish": {"type": "object", "patternProperties": {"^\\w+$": {}}},
            "notify": {
                "type": "object",
                "properties": {
                    "on-complete": notification, "on-failure": notification, "on-success": notification,
                },
                "additionalProperties": false,
            },
        },
        "additionalProperties": false,
    })
});

static CHAIN: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "title": "ActionChain",
        "description": "A chain of sequentially executed actions.",
        "type": "object",
        "properties": {
            // A positional list: StackStorm holds the first node alone against the schema.
            "chain": {"description": "The chain.", "type": "array", "items": [*NODE], "required": true},
            "default": {"type": "string", "description": "name of the action to be executed."},
            "vars": {"description": "", "type": "object", "patternProperties": {"^\\w+$": {}}},
        },
        "additionalProperties": false,
    })
});

/// The schema of nodes after the first: keys that it does not know are passed over, as StackStorm does.
static LATER_NODE: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = NODE.clone();
    schema["additionalProperties"] = json!(true);
    schema
});

impl Chain {
    /// Checks a definition; `action` is the name of its action.
    ///
    /// # Errors
    /// What is wrong with it, in StackStorm's words.
    pub fn of(document: &Value, action: &str) -> Result<Self, String> {
        let options = Options { explain: true, ..Options::default() };
        let check = |schema: &Value, value: &Value| {
            schema::validate(schema, value, options).map_err(|error| error.text().to_owned())
        };
        check(&CHAIN, document)?;
        let listed = document["chain"].as_array().map(Vec::as_slice).unwrap_or_default();
        for later in listed.iter().skip(1) {
            check(&LATER_NODE, later)?;
        }
        let nodes = listed.iter().map(Node::of).collect::<Result<Vec<_>, _>>()?;
        let given = document["default"].as_str().filter(|name| !name.is_empty());
        let default = match given {
            Some(name) => name.to_owned(),
            None => start(&nodes).ok_or_else(|| format!("Failed to find default node in {action}."))?,
        };
        let vars = document["vars"].as_object().cloned().unwrap_or_default();
        let chain = Self { nodes, default, vars };
        chain.check_names()?;
        Ok(chain)
    }

    /// Every node that is named is there. Names that hold templates are known at run time only.
    fn check_names(&self) -> Result<(), String> {
        for node in &self.nodes {
            for on in ["on-success", "on-failure"] {
                let target = node.leads_to(on);
                if !self.may_be(target) {
                    let name = &node.name;
                    return Err(format!(
                        "Unable to find node with name \"{target}\" referenced in \"{on}\" in task \"{name}\"."
                    ));
                }
            }
        }
        if self.may_be(&self.default) {
            return Ok(());
        }
        Err(format!("Unable to find node with name \"{}\" referenced in \"default\".", self.default))
    }

    fn may_be(&self, name: &str) -> bool {
        name.is_empty() || name.contains("{{") || name.contains("{%") || self.node(name).is_some()
    }

    /// The node with this name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// Where it begins; `None` when a template stands in the place of a name.
    pub fn first(&self) -> Option<&Node> {
        self.node(&self.default)
    }
}

/// The first node that no other leads to; in a circle, the first.
fn start(nodes: &[Node]) -> Option<String> {
    let is_target = |name: &str| {
        nodes.iter().any(|node| node.leads_to("on-success") == name || node.leads_to("on-failure") == name)
    };
    let free = nodes.iter().find(|node| !is_target(&node.name));
    free.or(nodes.first()).map(|node| node.name.clone())
}

impl Node {
    fn of(written: &Value) -> Result<Self, String> {
        let text = |name: &str| written[name].as_str().unwrap_or_default().to_owned();
        let node = Self {
            name: text("name"),
            reference: text("ref"),
            written: written.as_object().cloned().unwrap_or_default(),
        };
        if node.object("params").is_some() && node.object("parameters").is_some() {
            return Err(
                "Either \"params\" or \"parameters\" attribute needs to be provided, but not both".to_owned()
            );
        }
        Ok(node)
    }

    fn object(&self, name: &str) -> Option<&Map<String, Value>> {
        self.written.get(name).and_then(Value::as_object).filter(|fields| !fields.is_empty())
    }

    /// The node it leads to, under `on-success` or `on-failure`; empty when to none.
    pub(super) fn leads_to(&self, on: &str) -> &str {
        self.written.get(on).and_then(Value::as_str).unwrap_or_default()
    }

    /// The parameters of its action, templates in them.
    pub fn parameters(&self) -> Map<String, Value> {
        self.object("parameters").or_else(|| self.object("params")).cloned().unwrap_or_default()
    }

    /// What it publishes, templates in it.
    pub fn publish(&self) -> Map<String, Value> {
        self.object("publish").cloned().unwrap_or_default()
    }

    /// Its own notification section.
    pub fn notify(&self) -> Map<String, Value> {
        self.object("notify").cloned().unwrap_or_default()
    }

    /// As the context of its execution shows it: everything a node can have.
    pub fn shown(&self) -> Map<String, Value> {
        const PARTS: [(&str, &str); 8] = [
            ("name", "name"),
            ("ref", "ref"),
            ("params", "params"),
            ("parameters", "parameters"),
            ("on_success", "on-success"),
            ("on_failure", "on-failure"),
            ("publish", "publish"),
            ("notify", "notify"),
        ];
        let part = |name: &str| self.written.get(name).cloned().unwrap_or_default();
        PARTS.into_iter().map(|(shown, written)| (shown.to_owned(), part(written))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(text: &str) -> Result<Chain, String> {
        Chain::of(&crate::yaml::load(text).unwrap(), "it")
    }

    #[track_caller]
    fn fault(text: &str) -> String {
        let fault = chain(text).unwrap_err();
        fault.lines().next().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_chain_begins_where_nothing_leads_to() {
        let first = |text| chain(text).unwrap().first().unwrap().name.clone();
        assert_eq!(first("chain: [{name: b, ref: x.y}, {name: a, ref: x.y, on-success: b}]"), "a");
        assert_eq!(first("chain: [{name: b, ref: x.y}, {name: a, ref: x.y, on-failure: b}]"), "a");
        assert_eq!(
            first("chain: [{name: a, ref: x.y, on-success: b}, {name: b, ref: x.y, on-success: a}]"),
            "a"
        );
        assert_eq!(first("{default: b, chain: [{name: a, ref: x.y}, {name: b, ref: x.y}]}"), "b");
        assert!(
            chain("{default: '{{ x }}', chain: [{name: a, ref: x.y}]}").unwrap().first().is_none(),
            "a template is no name"
        );
    }

    #[test]
    fn faults_are_told_in_the_words_people_know() {
        assert_eq!(fault("chain: []"), "Failed to find default node in it.");
        assert_eq!(
            fault("chain: [{name: a, ref: x.y, on-success: z}]"),
            "Unable to find node with name \"z\" referenced in \"on-success\" in task \"a\"."
        );
        assert_eq!(
            fault("chain: [{name: a, ref: x.y, on-failure: z}]"),
            "Unable to find node with name \"z\" referenced in \"on-failure\" in task \"a\"."
        );
        assert_eq!(
            fault("{default: z, chain: [{name: a, ref: x.y}]}"),
            "Unable to find node with name \"z\" referenced in \"default\"."
        );
        assert_eq!(
            fault("chain: [{name: a, ref: x.y, params: {a: 1}, parameters: {b: 2}}]"),
            "Either \"params\" or \"parameters\" attribute needs to be provided, but not both"
        );
        assert_eq!(fault("vars: {}"), "'chain' is a required property");
        assert_eq!(fault("chain: [{ref: x.y}]"), "'name' is a required property");
        assert_eq!(fault("chain: [{name: a, ref: x.y}, {name: b}]"), "'ref' is a required property");
        assert_eq!(
            fault("chain: [{name: a, ref: x.y, what: 1}]"),
            "Additional properties are not allowed ('what' was unexpected)"
        );
        assert_eq!(
            fault("{chain: [{name: a, ref: x.y}], more: 1}"),
            "Additional properties are not allowed ('more' was unexpected)"
        );
        assert_eq!(fault("chain: {}"), "{} is not of type 'array'");
        assert!(chain("chain: [{name: a, ref: x.y}, {name: b, ref: x.y, what: 1}]").is_ok());
        assert!(chain("chain: [{name: a, ref: x.y, on-success: '{{ b }}'}]").is_ok());
    }

    #[test]
    fn contexts_show_everything_a_node_can_have() {
        let chain = chain("chain: [{name: a, ref: x.y, on-success: b, params: {c: 1}}, {name: b, ref: x.z}]");
        let chain = chain.unwrap();
        assert_eq!(
            Value::Object(chain.node("a").unwrap().shown()),
            json!({"name": "a", "ref": "x.y", "params": {"c": 1}, "parameters": null, "on_success": "b",
                "on_failure": null, "publish": null, "notify": null})
        );
        assert_eq!(Value::Object(chain.node("a").unwrap().parameters()), json!({"c": 1}));
    }
}
