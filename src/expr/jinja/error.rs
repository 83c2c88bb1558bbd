//! Why a template was not rendered: the class Python would raise, and its text.

use std::fmt;

/// A failure to parse or to render a template; displays as the text of Python's exception.
///
/// It is one pointer, as every answer of every step has room for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error(Box<Fault>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    class: Class,
    message: Box<str>,
    line: u32,
}

/// The result of everything that may fail inside a template.
pub(super) type Result<T, E = Error> = std::result::Result<T, E>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl Error {
    /// An error of this class with this text.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self(Box::new(Fault { class, message: message.into().into_boxed_str(), line: 0 }))
    }

    /// The class of the exception.
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// The line of the template it is about, from 1; known for syntax errors only.
    pub fn line(&self) -> Option<u32> {
        (self.0.line > 0).then_some(self.0.line)
    }

    /// Whether the text is no template at all, as opposed to one that could not be rendered.
    pub fn is_syntax(&self) -> bool {
        matches!(self.0.class, Class::TemplateSyntaxError | Class::TemplateAssertionError)
    }

    pub(super) fn at_line(mut self, line: u32) -> Self {
        self.0.line = line;
        self
    }

    /// As Python shows a syntax error that Jinja2 did not rewrite: with the line.
    pub(super) fn with_line(mut self) -> Self {
        let message = format!("{}\n  line {}", self.0.message, self.0.line.max(1));
        self.0.message = message.into_boxed_str();
        self
    }

    /// `TypeError`: the value is of the wrong kind.
    pub(super) fn of_type(message: impl Into<String>) -> Self {
        Self::new(Class::TypeError, message)
    }

    /// `ValueError`: the kind is right, the value is not.
    pub(super) fn of_value(message: impl Into<String>) -> Self {
        Self::new(Class::ValueError, message)
    }

    /// The template did more than a template may.
    pub(super) fn limit(message: impl Into<String>) -> Self {
        Self::new(Class::LimitExceeded, message)
    }
}

macro_rules! classes {
    ($($name:ident),+ $(,)?) => {
        /// Exception classes that templates meet, by their Python names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each is documented by Python, Jinja2 or the library it is from")]
        pub enum Class { $($name),+ }

        impl Class {
            /// The class of this name; Python's `Exception` for those that templates do not meet.
            pub fn of(name: &str) -> Self {
                match name {
                    $(stringify!($name) => Self::$name,)+
                    _ => Self::Exception,
                }
            }

            fn identifier(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }
        }
    };
}

impl Class {
    /// The name of the class as Python prints it.
    pub fn name(self) -> &'static str {
        match self {
            // Python's module for patterns names its error in lower case.
            Self::PatternError => "error",
            other => other.identifier(),
        }
    }
}

classes! {
    AssertionError, AttributeError, Exception, ExpressionEvaluationException, FileNotFoundError, FilterArgumentError, IndexError,
    JSONDecodeError, JsonPathLexerError, KeyError, LimitExceeded, LookupError, OverflowError, PatternError,
    RecursionError, RuntimeError, SecurityError, TemplateAssertionError, TemplateRuntimeError,
    TemplateSyntaxError, TypeError, UndefinedError, UnicodeDecodeError, UnicodeEncodeError, ValueError,
    VariableInaccessibleError, VariableUndefinedError, YAMLError, ZeroDivisionError,
}
