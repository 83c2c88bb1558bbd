//! YAML, until the crate's own reader is there.

use super::{Document, Position, SyntaxError};
use crate::schema::Step;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const DEPTH_MAX: usize = 64;

pub(super) fn parse(text: &str) -> Result<Document, SyntaxError> {
    let mut reader =
        Reader { parser: Parser::new_from_str(text), positions: BTreeMap::new(), path: Vec::new() };
    let mut value = Value::Null;
    loop {
        match reader.next()? {
            (Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing, _) => {}
            (Event::StreamEnd, _) => break,
            (event, span) => value = reader.value(event, span)?,
        }
    }
    Ok(Document { value, positions: reader.positions })
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    positions: BTreeMap<Vec<Step>, Position>,
    path: Vec<Step>,
}

fn at(marker: &Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), SyntaxError> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                Err(SyntaxError { position: Some(at(error.marker())), message: error.info().to_owned() })
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn value(&mut self, event: Event<'a>, span: Span) -> Result<Value, SyntaxError> {
        let position = at(&span.start);
        let refuse =
            |message: &str| Err(SyntaxError { position: Some(position), message: message.to_owned() });
        if self.path.len() > DEPTH_MAX {
            return refuse("nested too deep");
        }
        self.positions.entry(self.path.clone()).or_insert(position);
        match event {
            Event::Scalar(text, style, _, _) => Ok(scalar(&text, style)),
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    if matches!(event, Event::SequenceEnd | Event::StreamEnd) {
                        return Ok(Value::Array(items));
                    }
                    self.path.push(Step::Index(items.len()));
                    items.push(self.value(event, span)?);
                    self.path.pop();
                }
            }
            Event::MappingStart(..) => {
                let mut entries = Map::new();
                loop {
                    let (event, span) = self.next()?;
                    let key = match event {
                        Event::MappingEnd | Event::StreamEnd => return Ok(Value::Object(entries)),
                        Event::Scalar(text, ..) => text.into_owned(),
                        _ => return refuse("a key must be a scalar"),
                    };
                    self.path.push(Step::Key(key.clone()));
                    self.positions.insert(self.path.clone(), at(&span.start));
                    let (event, span) = self.next()?;
                    let value = self.value(event, span)?;
                    self.path.pop();
                    entries.insert(key, value);
                }
            }
            _ => refuse("not understood"),
        }
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return text.into();
    }
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => match serde_json::from_str::<serde_json::Number>(text) {
            Ok(number) => Value::Number(number),
            Err(_) => text.into(),
        },
    }
}
