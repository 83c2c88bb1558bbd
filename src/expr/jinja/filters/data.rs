//! StackStorm's filters for data: reading JSON, reading and writing YAML, marking nothing.

use std::fmt::Write;

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};

use super::{Filter, Table};
use crate::{
    expr::jinja::{
        args::{Args, Bound, Signature},
        budget::Budget,
        error::{Class, Error, Result},
        render::Run,
        value::{Key, Object, Value, map_for, to_value},
    },
    pytext,
    yaml::{self, Yaml},
};

/// What `use_none` puts in the place of nothing, so that it survives being text.
const NONE_MAGIC: &str = "%*****__%NONE%__*****%";

pub(super) const FILTERS: Table = &[
    ("from_json_string", Filter::new(Signature::new("from_json_string", 1, &["value"]), from_json_string)),
    ("from_yaml_string", Filter::new(Signature::new("from_yaml_string", 1, &["value"]), from_yaml_string)),
    (
        "to_yaml_string",
        Filter::new(
            Signature::new("to_yaml_string", 1, &["value", "indent", "allow_unicode"]),
            to_yaml_string,
        ),
    ),
    (
        "use_none",
        Filter::new(Signature::new("use_none", 1, &["value"]), |_, mut args| {
            let value = args.take(0);
            Ok(if value.is_none() { Value::str(NONE_MAGIC) } else { value })
        }),
    ),
];

fn from_json_string(run: &mut Run, mut args: Bound) -> Result<Value> {
    let text = run.text(&args.take(0))?;
    run.budget.pay_items(text.len() / 8)?;
    let value =
        pytext::json_loads(&text).map_err(|error| Error::new(Class::JSONDecodeError, error.to_string()))?;
    Ok(to_value(&value))
}

// ── YAML ────────────────────────────────────────────────────────────────────────────────────

fn from_yaml_string(run: &mut Run, mut args: Bound) -> Result<Value> {
    let text = run.text(&args.take(0))?;
    // Aliases make more of a text than its length tells; the reader has limits of its own for that.
    run.budget.pay_items(text.len().saturating_mul(4))?;
    let value = yaml::load_yaml(&text, yaml::Keys::LastWins)
        .map_err(|error| Error::new(Class::YAMLError, error.to_string()))?;
    read(value, run)
}

fn read(value: Yaml, run: &mut Run) -> Result<Value> {
    run.budget.pay(1)?;
    let all = |items: Vec<Yaml>, run: &mut Run| {
        items.into_iter().map(|item| read(item, run)).collect::<Result<Vec<_>>>()
    };
    Ok(match value {
        Yaml::Null => Value::None,
        Yaml::Bool(flag) => Value::Bool(flag),
        Yaml::Int(number) => pytext::big(&number).map_or(Value::Int(0), Value::int),
        Yaml::Float(float) => Value::Float(float),
        Yaml::Str(text) => Value::str(text),
        Yaml::Bytes(bytes) => Value::Bytes(bytes.into()),
        Yaml::Date(date) => Value::object(Moment { date: date.into(), offset: None, is_date: true }),
        Yaml::DateTime(date, offset) => Value::object(Moment { date, offset, is_date: false }),
        Yaml::Seq(items) | Yaml::Set(items) => Value::list(all(items, run)?),
        Yaml::Pair(pair) => Value::tuple(all(vec![pair.0, pair.1], run)?),
        Yaml::Map(entries) => {
            let mut map = map_for(entries.len());
            for (key, value) in entries {
                let key = match read(key, run)? {
                    // A sequence can be a key in YAML; it is a tuple then.
                    Value::List(list) => Value::tuple(list.items()),
                    key => key,
                };
                map.insert(Key::new(key)?, read(value, run)?);
            }
            Value::dict(map)
        }
    })
}

fn to_yaml_string(run: &mut Run, mut args: Bound) -> Result<Value> {
    let value = args.take(0);
    let indent = match args.some(1) {
        Some(indent) => indent.as_int().ok_or_else(|| Error::of_type("an integer is required"))?,
        None => 2,
    };
    let unicode = match args.optional(2) {
        None => true,
        Some(flag) => run.is_true(&flag)?,
    };
    let value = written(&value, run)?;
    let format = yaml::Format { indent: indent.clamp(0, 100) as usize, unicode, ..yaml::Format::default() };
    let text = yaml::dump_with(&value, format);
    run.budget.make_text(text.len())?;
    Ok(Value::str(text))
}

fn written(value: &Value, run: &mut Run) -> Result<Yaml> {
    run.budget.pay(1)?;
    Ok(match value {
        Value::None => Yaml::Null,
        Value::Bool(flag) => Yaml::Bool(*flag),
        Value::Int(int) => Yaml::Int((*int).into()),
        Value::Big(int) => Yaml::Int(pytext::from_big(int)),
        Value::Float(float) => Yaml::Float(*float),
        Value::Str(text) => {
            run.budget.pay_text(text.len().saturating_mul(8))?;
            Yaml::Str(text.to_string())
        }
        Value::Bytes(bytes) => Yaml::Bytes(bytes.to_vec()),
        Value::List(list) => written_items(&list.items(), run)?,
        Value::Tuple(tuple) => written_items(tuple.items(), run)?,
        Value::Dict(dict) => run.deeper(|run| {
            let entries = dict.entries().into_iter();
            let entries = entries.map(|(key, item)| Ok((written(&key, run)?, written(&item, run)?)));
            entries.collect::<Result<Vec<_>>>().map(Yaml::Map)
        })?,
        Value::Object(object) if moment(&**object).is_some() => match moment(&**object) {
            Some(moment) if moment.is_date => Yaml::Date(moment.date.date()),
            Some(moment) => Yaml::DateTime(moment.date, moment.offset),
            None => Yaml::Null,
        },
        other => {
            let shown = crate::expr::jinja::value::repr(other, &mut run.budget)?;
            return Err(Error::new(Class::YAMLError, format!("('cannot represent an object', {shown})")));
        }
    })
}

fn written_items(items: &[Value], run: &mut Run) -> Result<Yaml> {
    run.deeper(|run| items.iter().map(|item| written(item, run)).collect::<Result<Vec<_>>>().map(Yaml::Seq))
}

fn moment(object: &dyn Object) -> Option<&Moment> {
    object.as_any()?.downcast_ref()
}

/// A date or a time read from YAML.
struct Moment {
    date: NaiveDateTime,
    /// Minutes east of UTC.
    offset: Option<i32>,
    is_date: bool,
}

impl Moment {
    fn iso(&self, separator: char) -> String {
        let date = self.date.format("%Y-%m-%d");
        if self.is_date {
            return date.to_string();
        }
        let fraction = match self.date.nanosecond() / 1000 {
            0 => String::new(),
            micros => format!(".{micros:06}"),
        };
        let zone = self.offset.map_or_else(String::new, |offset| {
            let sign = if offset < 0 { '-' } else { '+' };
            format!("{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60)
        });
        format!("{date}{separator}{}{fraction}{zone}", self.date.format("%H:%M:%S"))
    }
}

impl Object for Moment {
    fn type_name(&self) -> &'static str {
        if self.is_date { "date" } else { "datetime" }
    }

    fn described(&self) -> String {
        format!("datetime.{} object", self.type_name())
    }

    fn repr(&self, _budget: &mut Budget) -> Result<String> {
        let (date, time) = (self.date.date(), self.date.time());
        let (year, month, day) = (NaiveDate::year(&date), date.month(), date.day());
        if self.is_date {
            return Ok(format!("datetime.date({year}, {month}, {day})"));
        }
        let mut parts =
            format!("datetime.datetime({year}, {month}, {day}, {}, {}", time.hour(), time.minute());
        let micros = time.nanosecond() / 1000;
        if time.second() > 0 || micros > 0 {
            _ = write!(parts, ", {}", time.second());
        }
        if micros > 0 {
            _ = write!(parts, ", {micros}");
        }
        match self.offset {
            None => {}
            Some(0) => parts.push_str(", tzinfo=datetime.timezone.utc"),
            Some(offset) => {
                let seconds = i64::from(offset) * 60;
                let (days, seconds) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
                let days = if days == 0 { String::new() } else { format!("days={days}, ") };
                _ = write!(parts, ", tzinfo=datetime.timezone(datetime.timedelta({days}seconds={seconds}))");
            }
        }
        Ok(parts + ")")
    }

    fn str(&self, _budget: &mut Budget) -> Result<String> {
        Ok(self.iso(' '))
    }

    fn attribute(&self, name: &str, _run: &mut Run) -> Result<Option<Value>> {
        let number = match name {
            "year" => i64::from(self.date.year()),
            "month" => i64::from(self.date.month()),
            "day" => i64::from(self.date.day()),
            "hour" if !self.is_date => i64::from(self.date.hour()),
            "minute" if !self.is_date => i64::from(self.date.minute()),
            "second" if !self.is_date => i64::from(self.date.second()),
            "microsecond" if !self.is_date => i64::from(self.date.nanosecond() / 1000),
            _ => return Ok(None),
        };
        Ok(Some(Value::Int(number)))
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }

    fn method_names(&self) -> &'static [&'static str] {
        &["isoformat", "isoweekday", "weekday"]
    }

    fn method(&self, name: &str, _args: Args, _run: &mut Run) -> Option<Result<Value>> {
        let weekday = self.date.weekday();
        Some(Ok(match name {
            "isoformat" => Value::str(self.iso('T')),
            "weekday" => Value::Int(i64::from(weekday.num_days_from_monday())),
            _ => Value::Int(i64::from(weekday.number_from_monday())),
        }))
    }
}
