//! Five hundred broken files of every kind: each is told of with its place, and no row changes.
//!
//! Generated: every kind of file is broken in every way that can go wrong with it.

use super::Content;
use st2d::content::{Kind, Problem};
use std::{collections::HashMap, fs, os::unix::fs::symlink, path::PathBuf};

/// A kind of file: its folder, a good one, the key of its name, and its keys by type.
struct Form {
    kind: Kind,
    good: &'static str,
    name: &'static str,
    /// Keys that must be text.
    texts: &'static [&'static str],
    /// Keys that must be objects.
    objects: &'static [&'static str],
    /// Keys that must be lists.
    lists: &'static [&'static str],
    /// Keys that must be there.
    required: &'static [&'static str],
    /// Ways of its own to be broken: lines that replace those of the same key.
    own: &'static [&'static str],
}

const FORMS: &[Form] = &[
    Form {
        kind: Kind::Trigger,
        good: "name: NAME\ndescription: d\n",
        name: "name",
        texts: &["name", "description"],
        objects: &["payload_schema", "parameters_schema"],
        lists: &["tags"],
        required: &["name"],
        own: &["name: a,b", "name: \"a\\nb\"", "name: \"\"", "tags: [x]"],
    },
    Form {
        kind: Kind::Sensor,
        good: "class_name: NAME\nentry_point: good.py\nenabled: true\ntrigger_types: []\n",
        name: "class_name",
        texts: &["class_name", "description", "entry_point"],
        objects: &[],
        lists: &["trigger_types"],
        required: &["class_name", "entry_point"],
        own: &[
            "entry_point: nowhere.py",
            "entry_point: ../../../etc/passwd",
            "entry_point: /etc/passwd",
            "entry_point: folder",
            "entry_point: leads_out.py",
            "entry_point: dangling.py",
            "entry_point: \"\"",
            "poll_interval: 3",
            "poll_interval: -1",
            "poll_interval: 1.0e+99",
            "poll_interval: often",
            "enabled: maybe",
            "trigger_types: [seen]",
            "trigger_types: [{description: d}]",
            "trigger_types: [{name: a}, {name: a}]",
            "trigger_types: [{name: a, pack: other}]",
            "trigger_types: [{name: [a]}]",
            "class_name: \"\"",
        ],
    },
    Form {
        kind: Kind::Action,
        good: "name: NAME\nrunner_type: python-script\nentry_point: good.py\nenabled: true\n",
        name: "name",
        texts: &["name", "description", "runner_type", "entry_point"],
        objects: &["parameters", "notify"],
        lists: &["tags"],
        required: &["name", "runner_type", "entry_point"],
        own: &[
            "entry_point: nowhere.py",
            "entry_point: ../../../etc/passwd",
            "entry_point: leads_out.py",
            "entry_point: folder",
            "entry_point: dangling.py",
            "runner_type: nosuch",
            "enabled: maybe",
            "parameters: {a-b: {}}",
            "parameters: {a: {type: text}}",
            "parameters: {a: {default: 1, immutable: \"yes\"}}",
            "parameters: {a: {position: 0}, b: {position: 0}}",
            "parameters: {a: {immutable: true}}",
            "parameters: {a: 5}",
            "notify: {on-failed: {}}",
            "output_schema: []",
            "name: \"\"",
        ],
    },
    Form {
        kind: Kind::Rule,
        good: "name: NAME\ntrigger: {type: core.st2.generic.actiontrigger}\naction: {ref: core.noop}\nenabled: true\n",
        name: "name",
        texts: &["name", "description"],
        objects: &["trigger", "action", "criteria", "type", "context"],
        lists: &["tags"],
        required: &["name", "trigger", "action"],
        own: &[
            "trigger: {type: core.nosuch}",
            "trigger: {type: nodot}",
            "trigger: {type: core.st2.webhook}",
            "trigger: {type: core.st2.webhook, parameters: {uri: x}}",
            "trigger: {type: core.st2.IntervalTimer, parameters: {unit: fortnights, delta: 1}}",
            "trigger: {type: core.st2.CronTimer, parameters: {minute: 99}}",
            "trigger: {type: core.st2.CronTimer, parameters: {minute: \"*/99\"}}",
            "trigger: {type: core.st2.CronTimer, parameters: {timezone: Mars/Olympus, hour: 1}}",
            "trigger: {type: core.st2.CronTimer, parameters: {month: jan-xyz}}",
            "trigger: {}",
            "action: {ref: nodot}",
            "action: {}",
            "action: {ref: core.noop, when: now}",
            "action: {ref: core.noop, parameters: [a]}",
            "criteria: {trigger.a: 5}",
            "criteria: {trigger.a: {}}",
            "criteria: {trigger.a: {type: equals}}",
            "criteria: {trigger.a: {type: resembles, pattern: 1}}",
            "criteria: {trigger.a: {type: 5, pattern: 1}}",
            "criteria: [a]",
            "type: {ref: nosuch}",
            "type: {ref: standard, more: 1}",
            "enabled: maybe",
            "tags: [x]",
            "name: \"\"",
        ],
    },
    Form {
        kind: Kind::Alias,
        good: "name: NAME\naction_ref: core.noop\nformats: [go]\nenabled: true\n",
        name: "name",
        texts: &["name", "description", "action_ref"],
        objects: &["ack", "result", "extra", "immutable_parameters"],
        lists: &["formats"],
        required: &["name", "action_ref"],
        own: &[
            "formats: [5]",
            "formats: [{representation: r}]",
            "formats: [{representation: [5]}]",
            "enabled: maybe",
            "name: \"\"",
        ],
    },
    Form {
        kind: Kind::Policy,
        good: "name: NAME\nresource_ref: mine.NAME\npolicy_type: action.concurrency\nparameters: {threshold: 1}\nenabled: true\n",
        name: "name",
        texts: &["name", "description", "resource_ref", "policy_type"],
        objects: &["parameters"],
        lists: &[],
        required: &["name", "resource_ref", "policy_type", "parameters"],
        own: &[
            "policy_type: action.nosuch",
            "parameters: {}",
            "parameters: {threshold: many}",
            "parameters: {threshold: 1, action: explode}",
            "parameters: {threshold: 1, more: 1}",
            "resource_ref: mine.taken",
            "enabled: maybe",
            "name: \"\"",
        ],
    },
];

/// The good text with the line of a key replaced, added or, without one, left out.
fn with_line(good: &str, key: &str, line: Option<&str>) -> String {
    let mut lines: Vec<&str> = good.lines().filter(|old| !old.starts_with(&format!("{key}:"))).collect();
    lines.extend(line);
    lines.join("\n") + "\n"
}

/// Ways any YAML can be broken, from its good form on.
fn syntax(good: &str, pack: &str) -> Vec<Vec<u8>> {
    let bomb = (1..40).fold(format!("{good}a0: &a0 [x]\n"), |text, level| {
        let below = level - 1;
        text + &format!("a{level}: &a{level} [*a{below}, *a{below}]\n")
    });
    let texts = [
        String::new(),
        "# nothing\n".to_owned(),
        "null\n".to_owned(),
        "just words\n".to_owned(),
        "[a, list]\n".to_owned(),
        "5\n".to_owned(),
        format!("{good}open: [1, 2\n"),
        format!("{good}open: {{a: b\n"),
        format!("{good}quote: \"never closed\n"),
        format!("{good}\ttab: 1\n"),
        format!("{good}  deeper: 1\n"),
        format!("{good}alias: *nowhere\n"),
        format!("{good}tag: !!python/object/apply:os.system [date]\n"),
        format!("{good}tag: !secret x\n"),
        format!("{good}---\nsecond: document\n"),
        format!("{good}bell: a\u{7}b\n"),
        format!("{good}stray: ]\n"),
        format!("{good}tick: `date`\n"),
        format!("{good}percent: %d\n"),
        format!("{good}<<: text\n"),
        format!("{good}itself: &p {{a: *p}}\n"),
        format!("{good}? {{a: 1}}\n: b\n"),
        format!("{good}nosuch_key: 1\n"),
        format!("{good}nul: \"a\\0b\"\n"),
        format!("{good}pack: other_than_{pack}\n"),
        format!("<<<<<<< HEAD\n{good}=======\n>>>>>>> theirs\n"),
        "[".repeat(50_000),
        bomb,
    ];
    let mut all: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
    all.push([good.as_bytes(), b"latin: caf\xe9\n"].concat());
    all.push(b"\x7fELF\x02\x01\x01\0\0\0\0".to_vec());
    all
}

/// Every broken text of a kind.
fn broken(form: &Form, name: &str) -> Vec<Vec<u8>> {
    let good = form.good.replace("NAME", name);
    let mut all = syntax(&good, "mine");
    let mut add = |key: &str, line: Option<&str>| {
        all.push(with_line(&good, key, line).into_bytes());
    };
    for key in form.required {
        add(key, None);
    }
    for key in form.texts {
        for value in ["5", "5.5", "true", "[a]", "{a: b}"] {
            add(key, Some(&format!("{key}: {value}")));
        }
    }
    for key in form.objects {
        for value in ["5", "5.5", "text", "[a]", "false"] {
            add(key, Some(&format!("{key}: {value}")));
        }
    }
    for key in form.lists {
        for value in ["5", "text", "true", "{a: b}"] {
            add(key, Some(&format!("{key}: {value}")));
        }
    }
    for line in form.own {
        let key = line.split(':').next().unwrap();
        add(key, Some(line));
    }
    all
}

#[tokio::test]
async fn five_hundred_broken_files_are_told_of_by_place_and_change_nothing() {
    let content = Content::new().await;
    content.pack("mine");
    let packs = content.directory.path().join("packs/mine");
    fs::write(content.directory.path().join("outside.py"), "").unwrap();
    for folder in ["actions", "sensors"] {
        content.write(&format!("mine/{folder}/good.py"), "");
        fs::create_dir_all(packs.join(folder).join("folder")).unwrap();
        symlink("../../../outside.py", packs.join(folder).join("leads_out.py")).unwrap();
        symlink("nowhere.py", packs.join(folder).join("dangling.py")).unwrap();
    }
    content.write(
        "mine/policies/00_taken.yaml",
        "name: taken\nresource_ref: mine.taken\npolicy_type: action.concurrency\nparameters: {threshold: 1}\n",
    );
    // First every file is good, and all of them are registered.
    let mut files: Vec<(PathBuf, Kind, Vec<u8>)> = Vec::new();
    for form in FORMS {
        let count = broken(form, "x").len();
        for number in 0..count {
            let name = format!("f{number}");
            let path = content
                .write(&format!("mine/{}/{name}.yaml", form.kind.plural()), form.good.replace("NAME", &name));
            files.push((path, form.kind, broken(form, &name).swap_remove(number)));
        }
        assert!(form.good.contains(&format!("{}: NAME", form.name)));
    }
    assert_eq!(content.start().await.problems, []);
    let before = rows(&content).await;
    assert!(before.len() > 400, "{}", before.len());

    for (path, _, text) in &files {
        fs::write(path, text).unwrap();
    }
    // What is no file of text at all.
    let mut more = 0;
    for form in FORMS {
        let folder = packs.join(form.kind.plural());
        let mut odd = |name: &str, make: &dyn Fn(&PathBuf)| {
            let path = folder.join(name);
            make(&path);
            files.push((path, form.kind, Vec::new()));
            more += 1;
        };
        odd("g_link_out.yaml", &|path| symlink("/etc/passwd", path).unwrap());
        odd("g_link_up.yaml", &|path| symlink("../../../outside.py", path).unwrap());
        odd("g_dangling.yaml", &|path| symlink("nowhere.yaml", path).unwrap());
        odd("g_directory.yaml", &|path| fs::create_dir(path).unwrap());
        odd("g_pipe.yaml", &|path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap());
        odd("g_broken.json", &|path| fs::write(path, "{\"name\": \"a\",\n \"b\": }").unwrap());
        odd("g_list.json", &|path| fs::write(path, "[1]").unwrap());
        odd("g_latin.json", &|path| fs::write(path, b"{\"name\": \"caf\xe9\"}").unwrap());
    }
    let huge = packs.join("rules/g_huge.yaml");
    fs::write(&huge, b"# 50 MB of comment\n".repeat(50_000_000 / 19)).unwrap();
    files.push((huge, Kind::Rule, Vec::new()));
    println!("{} broken files, {more} of them no text", files.len());
    assert!(files.len() >= 500, "{}", files.len());

    let report = content.register("mine").await;
    let told: HashMap<&PathBuf, &Problem> =
        report.problems.iter().map(|problem| (&problem.file, problem)).collect();
    for (path, kind, text) in &files {
        let shown = String::from_utf8_lossy(&text[..text.len().min(300)]).into_owned();
        let problem =
            told.get(path).unwrap_or_else(|| panic!("nothing is told of {}:\n{shown}", path.display()));
        assert_eq!(problem.kind, *kind, "{problem}");
        assert!(!problem.message.is_empty());
        // A file that cannot be read at all has no places.
        let readable =
            !text.is_empty() || fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() < 1000);
        let is_link = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink());
        assert_eq!(problem.position.is_some(), readable && !is_link, "{problem}\n{shown}");
    }
    assert_eq!(report.problems.len(), files.len());
    assert_eq!(rows(&content).await, before);
}

/// Every row that came from a file, whole.
async fn rows(content: &Content) -> Vec<String> {
    let mut all = Vec::new();
    for table in ["trigger_types", "triggers", "sensors", "actions", "rules", "aliases", "policies", "packs"]
    {
        let sql = format!("SELECT row_to_json(t)::text FROM {table} AS t ORDER BY id");
        let rows: Vec<String> = sqlx::query_scalar(&sql).fetch_all(content.store.pool()).await.unwrap();
        // Files of a pack are what lies there, broken or not.
        all.extend(rows.into_iter().filter(|_| table != "packs").map(|row| format!("{table}: {row}")));
    }
    all
}
