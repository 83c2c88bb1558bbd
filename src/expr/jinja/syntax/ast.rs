//! The tree of a template.
//!
//! Chains (`a.b[0]|f|g`, `a + b + c`, `elif` after `elif`) are lists, not nested nodes: however long a
//! template is, only what its author nests goes deep.

use std::sync::{Arc, OnceLock};

use crate::expr::jinja::{
    methods::Kinds,
    render::Way,
    value::{Hint, Value},
};

/// Statements in a row.
pub(in super::super) type Body = Arc<[Stmt]>;

pub(in super::super) type Name = Arc<str>;

pub(in super::super) enum Stmt {
    Text(Name),
    Print(Expr),
    If {
        branches: Vec<(Expr, Body)>,
        otherwise: Body,
    },
    For(Arc<For>),
    Set {
        target: Target,
        value: Expr,
    },
    SetBlock {
        target: Target,
        filters: Vec<Link>,
        body: Body,
    },
    Macro(Arc<Macro>),
    CallBlock {
        call: Expr,
        caller: Arc<Macro>,
    },
    FilterBlock {
        filters: Vec<Link>,
        body: Body,
    },
    With {
        targets: Vec<(Target, Expr)>,
        body: Body,
    },
    Block(Arc<Block>),
    Autoescape {
        on: Expr,
        body: Body,
    },
    /// `include`, `import`, `from` and `extends`: there are no other templates to load. `stores` are the
    /// names an import would have set.
    Load {
        template: Expr,
        stores: Vec<Name>,
    },
}

pub(in super::super) struct For {
    pub(in super::super) target: Target,
    pub(in super::super) items: Expr,
    pub(in super::super) test: Option<Expr>,
    pub(in super::super) recursive: bool,
    pub(in super::super) body: Body,
    pub(in super::super) otherwise: Body,
    pub(in super::super) uses_loop: LoopUse,
}

/// What a body has to do with `loop`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum LoopUse {
    /// It does not mention it.
    None,
    /// It asks only for what is told by counting turns.
    Count,
    /// It asks for members that can be told without the items that went by.
    Members,
    /// It may ask for anything.
    Items,
}

pub(in super::super) struct Macro {
    /// `None` for what `{% call %}` passes as `caller`.
    pub(in super::super) name: Option<Name>,
    pub(in super::super) params: Vec<Name>,
    /// Defaults of the last parameters.
    pub(in super::super) defaults: Vec<Expr>,
    pub(in super::super) body: Body,
    /// Which of the names every macro may use this one does use.
    pub(in super::super) uses: MacroUses,
}

/// Special names a macro's body mentions.
#[derive(Default, Clone, Copy)]
pub(in super::super) struct MacroUses {
    pub(in super::super) caller: bool,
    pub(in super::super) kwargs: bool,
    pub(in super::super) varargs: bool,
}

pub(in super::super) struct Block {
    pub(in super::super) name: Name,
    pub(in super::super) scoped: bool,
    pub(in super::super) required: bool,
    pub(in super::super) body: Body,
}

/// What can be assigned to.
pub(in super::super) enum Target {
    Name(Name),
    Member { namespace: Name, name: Name },
    Tuple(Vec<Target>),
}

pub(in super::super) enum Expr {
    Const(Value),
    Name(Name),
    Tuple(Vec<Expr>),
    List(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    /// A value and what is done to it, one after the other.
    Chain {
        base: Box<Expr>,
        links: Vec<Link>,
    },
    Not(Box<Expr>),
    Sign {
        minus: bool,
        operand: Box<Expr>,
    },
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Compare {
        first: Box<Expr>,
        rest: Vec<(Comparison, Expr)>,
    },
    /// Operators of one level, from the left.
    Arithmetic {
        first: Box<Expr>,
        rest: Vec<(Operator, Expr)>,
    },
    Concat(Vec<Expr>),
    Condition {
        test: Box<Expr>,
        then: Box<Expr>,
        otherwise: Option<Box<Expr>>,
        line: u32,
    },
}

/// One thing done to a value.
pub(in super::super) enum Link {
    Attribute(Member),
    Item(Expr),
    /// `constant`: nothing in it or before it depends on the context, so that Jinja2 works it out when
    /// it compiles, and is more lenient then.
    Slice {
        bounds: Box<[Option<Expr>; 3]>,
        constant: bool,
    },
    Call(CallArgs),
    /// A filter; the name is looked up when it is used, as a missing one may be in a branch that is not taken.
    Filter(Box<Usage>),
    /// A test, looked up likewise.
    Test {
        name: Name,
        args: CallArgs,
        negated: bool,
    },
}

/// A filter where it is used.
pub(in super::super) struct Usage {
    pub(in super::super) name: Name,
    pub(in super::super) args: CallArgs,
    /// What they came to when it was used first.
    pub(in super::super) way: OnceLock<Way>,
}

/// The name of a member, and which of Python's types have a method of that name.
pub(in super::super) struct Member {
    pub(in super::super) name: Name,
    pub(in super::super) hint: Hint,
    kinds: Kinds,
}

impl Member {
    pub(in super::super) fn new(name: Name) -> Self {
        Self { kinds: Kinds::with_method(&name), name, hint: Hint::default() }
    }

    /// Whether nothing but an entry of a dictionary can be meant by it there.
    #[inline]
    pub(in super::super) fn is_entry(&self) -> bool {
        self.kinds.is_entry()
    }

    /// Whether the value has a method of this name.
    #[inline]
    pub(in super::super) fn is_method_of(&self, value: &Value) -> bool {
        self.kinds.include(value, &self.name)
    }
}

#[derive(Default)]
pub(in super::super) struct CallArgs {
    pub(in super::super) positional: Vec<Expr>,
    pub(in super::super) named: Vec<(Name, Expr)>,
    pub(in super::super) star: Option<Box<Expr>>,
    pub(in super::super) double_star: Option<Box<Expr>>,
}

impl CallArgs {
    /// How many there are, if that is plain to see.
    pub(in super::super) fn count(&self) -> Option<usize> {
        let is_plain = self.star.is_none() && self.double_star.is_none();
        is_plain.then_some(self.positional.len() + self.named.len())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Operator {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
}
