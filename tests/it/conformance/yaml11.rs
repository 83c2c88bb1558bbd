//! `yaml11`: documents as PyYAML's `safe_load` reads them, values as `safe_dump` writes them.

use serde_json::{Map, Value, json};
use st2d::{
    pytext,
    yaml::{self, Format, Keys, Yaml},
};

use crate::support::corpus::{self, Case, Differences};

/// Python makes a list that is its own item, which no JSON can show.
const ITSELF: &str = "a document that contains itself is refused";

const DIFFERENCES: &Differences = &[
    ("scalar-e571bb658e", ITSELF),
    ("value-0631e5f57a", ITSELF),
    ("item-9c56ced55b", ITSELF),
    ("document-ceef0a7014", ITSELF),
    ("document-af0a1b33c3", ITSELF),
];

#[test]
fn yaml_is_as_recorded() {
    corpus::run(
        "yaml11",
        |_| true,
        DIFFERENCES,
        |case| match case.group {
            "dump" => write(case),
            "unique" => read(case, Keys::Unique),
            _ => read(case, Keys::LastWins),
        },
    );
}

fn write(case: &Case<'_>) -> Result<(), String> {
    let got = yaml::dump_with(&replayed(case.need("value")), Format::default());
    corpus::same(&Value::String(got), case.result())
}

/// Compares values exactly, and of errors the place: the words are ours.
fn read(case: &Case<'_>, keys: Keys) -> Result<(), String> {
    match (yaml::load_yaml(case.text("text"), keys), case.error()) {
        (Ok(value), None) => corpus::same(&recorded(&value), case.result()),
        (Ok(value), Some(message)) => Err(format!("answered {value:?}, expected the error {message:?}")),
        (Err(error), None) => Err(format!("failed with \"{error}\", expected {}", case.result())),
        (Err(error), Some(message)) => match place(message) {
            Some(place) if place != (error.line, error.column) => {
                Err(format!("failed with \"{error}\", expected {message:?}"))
            }
            _ => Ok(()),
        },
    }
}

/// Line and column of a recorded message; some errors of the reference have none.
fn place(message: &str) -> Option<(usize, usize)> {
    let (_, place) = message.rsplit_once("; line ")?;
    let (line, column) = place.split_once(", column ")?;
    Some((line.parse().ok()?, column.parse().ok()?))
}

/// A value in the form the tables give to what JSON lacks.
fn recorded(value: &Yaml) -> Value {
    let python = |class: &str| json!({"__py__": class, "repr": repr(value)});
    let with_items =
        |class: &str, items: &[Value]| json!({"__py__": class, "repr": repr(value), "items": items});
    match value {
        Yaml::Float(float) if !float.is_finite() => python("float"),
        Yaml::Bytes(_) => python("bytes"),
        Yaml::Date(_) => python("date"),
        Yaml::DateTime(..) => python("datetime"),
        Yaml::Seq(items) => items.iter().map(recorded).collect(),
        Yaml::Pair(pair) => with_items("tuple", &[recorded(&pair.0), recorded(&pair.1)]),
        Yaml::Set(items) => {
            let mut items: Vec<_> = items.iter().map(recorded).collect();
            items.sort_by_key(Value::to_string);
            with_items("set", &items)
        }
        Yaml::Map(entries) => {
            let mut object = Map::new();
            for (key, item) in entries {
                let Yaml::Str(key) = key else { return python("dict") };
                object.insert(key.clone(), recorded(item));
            }
            Value::Object(object)
        }
        other => other.clone().into_json(),
    }
}

/// `repr()` of a value with its Python types.
fn repr(value: &Yaml) -> String {
    let list = |items: &[Yaml]| items.iter().map(repr).collect::<Vec<_>>().join(", ");
    match value {
        Yaml::Float(float) => pytext::float_repr(*float),
        Yaml::Bytes(bytes) => {
            let shown: String = bytes.iter().map(|byte| byte.escape_ascii().to_string()).collect();
            format!("b'{shown}'")
        }
        Yaml::Date(date) => format!("datetime.date({})", date.format("%Y, %-m, %-d")),
        Yaml::DateTime(time, offset) => {
            let micros = time.and_utc().timestamp_subsec_micros();
            let start = time.format("%Y, %-m, %-d, %-H, %-M");
            let seconds = match (time.format("%-S").to_string().as_str(), micros) {
                ("0", 0) => String::new(),
                (seconds, 0) => format!(", {seconds}"),
                (seconds, micros) => format!(", {seconds}, {micros}"),
            };
            let zone = match offset {
                None => String::new(),
                Some(0) => ", tzinfo=datetime.timezone.utc".to_owned(),
                Some(minutes) => {
                    let days = if *minutes < 0 { "days=-1, " } else { "" };
                    let seconds = minutes.rem_euclid(24 * 60) * 60;
                    format!(", tzinfo=datetime.timezone(datetime.timedelta({days}seconds={seconds}))")
                }
            };
            format!("datetime.datetime({start}{seconds}{zone})")
        }
        Yaml::Seq(items) => format!("[{}]", list(items)),
        Yaml::Pair(pair) => format!("({}, {})", repr(&pair.0), repr(&pair.1)),
        Yaml::Set(items) if items.is_empty() => "set()".to_owned(),
        Yaml::Set(items) => format!("{{{}}}", list(items)),
        Yaml::Map(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(key, item)| format!("{}: {}", repr(key), repr(item))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => pytext::repr(&other.clone().into_json()),
    }
}

/// A recorded input with the floats JSON lacks.
fn replayed(value: &Value) -> Yaml {
    match value {
        Value::Object(entries) if entries.contains_key("__py__") => {
            Yaml::Float(value["repr"].as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN))
        }
        Value::Object(entries) => {
            Yaml::Map(entries.iter().map(|(key, item)| (Yaml::Str(key.clone()), replayed(item))).collect())
        }
        Value::Array(items) => Yaml::Seq(items.iter().map(replayed).collect()),
        other => Yaml::from_json(other),
    }
}
