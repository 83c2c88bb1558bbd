//! What most kinds of objects have in common: one endpoint, columns, and how objects are named.

/// How a command finds the object it is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Key {
    /// By its path alone, which takes a reference as well as an id.
    RefOrId,
    /// By name first, then by id.
    NameOrId,
    /// By its path alone; there is one name for it.
    Id,
}

/// How a list is turned before it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    /// As the server sent it.
    AsSent,
    /// The other way round in JSON and YAML. An empty list is printed as such there.
    ReversedDocuments,
    /// Always the other way round, so that the newest is next to the prompt.
    Reversed,
}

/// A kind of object of the API.
pub(crate) struct Resource {
    /// Its path below the API's URL.
    pub(crate) path: &'static str,
    /// As messages call one.
    pub(crate) name: &'static str,
    pub(crate) key: Key,
    /// The name of the argument that takes its key.
    pub(crate) dest: &'static str,
    /// The columns of its list.
    pub(crate) columns: &'static [&'static str],
    /// What `get` shows; `all` for everything.
    pub(crate) shown: &'static [&'static str],
    /// What `get` shows first.
    pub(crate) first: &'static [&'static str],
    /// Whether lists ask only for the attributes they show.
    pub(crate) sparse: bool,
    /// Options of the list that are sent on: `(dest, parameter)`.
    pub(crate) filters: &'static [(&'static str, &'static str)],
    /// As the note below a cut list calls several; such lists send a limit.
    pub(crate) paged: Option<&'static str>,
    pub(crate) order: Order,
    /// Columns that are times.
    pub(crate) times: &'static [&'static str],
}

impl Resource {
    /// A kind of object whose fields are filled in by struct update.
    pub(crate) const BASE: Resource = Resource {
        path: "",
        name: "",
        key: Key::RefOrId,
        dest: "ref_or_id",
        columns: &["id", "name", "description"],
        shown: &["all"],
        first: &["id", "name", "description"],
        sparse: true,
        filters: &[],
        paged: None,
        order: Order::AsSent,
        times: &[],
    };
}
