//! Queries as trees. From loose to tight: `..`, `.`, `|`, `&`, `where`, and then brackets.

use super::{
    Error,
    lexer::{Kind, Lexer, Token},
};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Path {
    Root,
    This,
    Parent,
    /// Members by name; `*` among them means all.
    Fields(Vec<String>),
    Index(i64),
    Slice(Option<i64>, Option<i64>),
    Child(Box<Path>, Box<Path>),
    Descendants(Box<Path>, Box<Path>),
    Where(Box<Path>, Box<Path>),
    Union(Box<Path>, Box<Path>),
    Intersect,
}

/// How deep a query may nest.
const MAX_DEPTH: u32 = 60;

/// Steps a query may have.
const MAX_STEPS: u32 = 200;

pub(super) fn parse(query: &str) -> Result<Path, Error> {
    let mut parser = Parser { lexer: Lexer::new(query), current: None, depth: 0, steps: 0 };
    parser.advance()?;
    let path = parser.binary(0)?;
    if parser.current.is_some() {
        return Err(parser.unexpected());
    }
    Ok(path)
}

struct Parser {
    lexer: Lexer,
    current: Option<Token>,
    depth: u32,
    steps: u32,
}

impl Parser {
    fn advance(&mut self) -> Result<(), Error> {
        self.current = self.lexer.next()?;
        Ok(())
    }

    fn is(&self, mark: char) -> bool {
        self.current.as_ref().is_some_and(|token| token.kind == Kind::Mark(mark))
    }

    fn unexpected(&self) -> Error {
        Error::Path(match &self.current {
            // The library trips over the missing token itself.
            None => "'NoneType' object has no attribute 'lineno'".to_owned(),
            Some(Token { kind, line, column, .. }) => {
                format!("Parse error at {line}:{column} near token {} ({})", kind.shown(), kind.name())
            }
        })
    }

    fn strength(&self) -> Option<u8> {
        match &self.current.as_ref()?.kind {
            Kind::DoubleDot => Some(1),
            Kind::Mark('.') => Some(2),
            Kind::Mark('|') => Some(3),
            Kind::Mark('&') => Some(4),
            Kind::Where => Some(5),
            _ => None,
        }
    }

    fn binary(&mut self, least: u8) -> Result<Path, Error> {
        let mut left = self.bracketed()?;
        while let Some(strength) = self.strength().filter(|strength| *strength > least) {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return Err(Error::Path("the query has too many steps".to_owned()));
            }
            self.advance()?;
            let right = Box::new(self.binary(strength)?);
            let (left_box, operator) = (Box::new(left), strength);
            left = match operator {
                1 => Path::Descendants(left_box, right),
                2 => Path::Child(left_box, right),
                3 => Path::Union(left_box, right),
                4 => Path::Intersect,
                _ => Path::Where(left_box, right),
            };
        }
        Ok(left)
    }

    fn bracketed(&mut self) -> Result<Path, Error> {
        let mut path = self.atom()?;
        while self.is('[') {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return Err(Error::Path("the query has too many steps".to_owned()));
            }
            let inner = self.brackets()?;
            path = Path::Child(Box::new(path), Box::new(inner));
        }
        Ok(path)
    }

    fn atom(&mut self) -> Result<Path, Error> {
        let Some(token) = &self.current else { return Err(self.unexpected()) };
        let place = (token.line, token.end);
        match token.kind.clone() {
            Kind::Id(name) => self.fields(name).map(Path::Fields),
            Kind::Mark('*') => {
                self.advance()?;
                Ok(Path::Fields(vec!["*".to_owned()]))
            }
            Kind::Mark('$') => {
                self.advance()?;
                Ok(Path::Root)
            }
            Kind::Named(name) => {
                self.advance()?;
                match name.as_str() {
                    "this" => Ok(Path::This),
                    "parent" => Ok(Path::Parent),
                    _ => {
                        let (line, at) = place;
                        Err(Error::Path(format!("Unknown named operator `{name}` at {line}:{at}")))
                    }
                }
            }
            Kind::Mark('[') => self.brackets(),
            Kind::Mark('(') => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(Error::Path("the query nests too deeply".to_owned()));
                }
                self.advance()?;
                let inner = self.binary(0)?;
                self.close(')')?;
                self.depth -= 1;
                Ok(inner)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn close(&mut self, mark: char) -> Result<(), Error> {
        if self.is(mark) { self.advance() } else { Err(self.unexpected()) }
    }

    /// Names with commas between them.
    fn fields(&mut self, first: String) -> Result<Vec<String>, Error> {
        let mut names = vec![first];
        self.advance()?;
        while self.is(',') {
            self.advance()?;
            match self.current.as_ref().map(|token| token.kind.clone()) {
                Some(Kind::Id(name)) => names.push(name),
                _ => return Err(self.unexpected()),
            }
            self.advance()?;
        }
        Ok(names)
    }

    fn brackets(&mut self) -> Result<Path, Error> {
        self.advance()?;
        let path = match self.current.as_ref().map(|token| token.kind.clone()) {
            Some(Kind::Id(name)) => Path::Fields(self.fields(name)?),
            Some(Kind::Mark('*')) => {
                self.advance()?;
                Path::Slice(None, None)
            }
            Some(Kind::Number(start)) => {
                self.advance()?;
                if self.is(':') { Path::Slice(Some(start), self.slice_end()?) } else { Path::Index(start) }
            }
            Some(Kind::Mark(':')) => Path::Slice(None, self.slice_end()?),
            _ => return Err(self.unexpected()),
        };
        self.close(']')?;
        Ok(path)
    }

    fn slice_end(&mut self) -> Result<Option<i64>, Error> {
        self.advance()?;
        match self.current.as_ref().map(|token| token.kind.clone()) {
            Some(Kind::Number(end)) => {
                self.advance()?;
                Ok(Some(end))
            }
            _ => Ok(None),
        }
    }
}
