//! Files with faults: each is told of by file, line and column, changes nothing, and stops nothing else.

use super::Content;
use st2d::{content::Problem, store};
use std::{fs, os::unix::fs::symlink, path::Path};

/// A fault of an action's file: a name for it, the file, where the fault is, and what is said of it (at least).
type Fault = (&'static str, &'static str, (usize, usize), &'static str);

/// What good files begin with, and those of [`BROKEN_LATER`]. `NAME` is the fault's.
const HEADER: &str = "name: NAME\nrunner_type: local-shell-cmd\n";

/// Files that go on after [`HEADER`].
#[rustfmt::skip]
const BROKEN_LATER: &[Fault] = &[
    ("tab_indentation", "parameters:\n\tx: {}\n", (4, 1), "while scanning for the next token, found character that cannot start any token"),
    ("open_quote", "description: \"never closed\n", (4, 1), "while scanning a quoted scalar, found unexpected end of stream"),
    ("open_list", "tags: [a\nenabled: true\n", (4, 8), "while parsing a flow sequence, did not find expected ',' or ']'"),
    ("open_mapping", "parameters: {a: {type: string}\n", (4, 1), "while parsing a flow mapping, did not find expected ',' or '}'"),
    ("bad_indentation", " description: d\n", (3, 13), "mapping values are not allowed in this context"),
    ("unknown_alias", "description: *nowhere\n", (3, 14), "found undefined alias"),
    ("python_tag", "description: !!python/object/apply:os.system [date]\n", (3, 14), "could not determine a constructor for the tag 'tag:yaml.org,2002:python/object/apply:os.system'"),
    ("unknown_tag", "description: !secret x\n", (3, 14), "could not determine a constructor for the tag '!secret'"),
    ("two_documents", "---\nname: b\n", (3, 1), "expected a single document in the stream, but found another document"),
    ("control_character", "description: a\u{1}b\n", (3, 15), "unacceptable character #x0001: control characters are not allowed"),
    ("no_colon", "description\n", (4, 1), "while scanning a simple key, could not find expected ':'"),
    ("stray_bracket", "description: ]\n", (3, 14), "while parsing a block node, did not find expected node content"),
    ("backtick", "description: `date`\n", (3, 14), "while scanning for the next token, found character that cannot start any token"),
    ("percent", "description: %d\n", (3, 14), "while scanning for the next token, found character that cannot start any token"),
    ("merge_of_text", "<<: text\n", (3, 5), "while constructing a mapping, expected a mapping or list of mappings for merging, but found scalar"),
    ("itself", "parameters: &p {a: *p}\n", (3, 13), "the collection contains itself"),
    ("unknown_key", "version: 1.0.0\n", (3, 10), "Additional properties are not allowed ('version' was unexpected)"),
    ("misspelt_key", "desciption: d\n", (3, 13), "Additional properties are not allowed ('desciption' was unexpected)"),
    ("text_as_enabled", "enabled: maybe\n", (3, 10), "'maybe' is not of type 'boolean'"),
    ("number_as_enabled", "enabled: 1\n", (3, 10), "1 is not of type 'boolean'"),
    ("list_as_description", "description: [a]\n", (3, 14), "['a'] is not of type 'string', 'null'"),
    ("number_as_entry_point", "entry_point: 5\n", (3, 14), "5 is not of type 'string'"),
    ("entry_point_above", "entry_point: ../../../etc/passwd\n", (3, 14), "Entry point \"../../../etc/passwd\" lies outside of the pack"),
    ("entry_point_elsewhere", "entry_point: /etc/passwd\n", (3, 14), "Entry point \"/etc/passwd\" lies outside of the pack"),
    ("other_pack", "pack: other\n", (3, 7), "Model is in pack \"broken\" but field \"pack\" is different: other"),
    ("list_as_parameters", "parameters: [a]\n", (3, 13), "['a'] is not of type 'object'"),
    ("text_as_parameters", "parameters: none\n", (3, 13), "'none' is not of type 'object'"),
    ("dash_in_parameter", "parameters:\n  a-b:\n    type: string\n", (5, 5), "Parameter name \"a-b\" is invalid. Valid characters for parameter name are [a-zA-Z0-0_].\n\n'a-b' does not match any of the regexes: '^\\\\w+$'"),
    ("blank_in_parameter", "parameters:\n  good: {}\n  a b: {}\n", (5, 8), "Parameter name \"a b\" is invalid."),
    ("null_parameter", "parameters:\n  a:\n", (4, 5), "None is not of type 'object'"),
    ("text_as_parameter", "parameters:\n  a: string\n", (4, 6), "'string' is not of type 'object'"),
    ("unknown_type", "parameters:\n  a:\n    type: text\n", (5, 11), "'text' is not one of ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string']"),
    ("list_of_types", "parameters:\n  a:\n    type: [string, integer]\n", (5, 11), "['string', 'integer'] is not one of ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string']"),
    ("unknown_attribute", "parameters:\n  a:\n    order: 1\n", (5, 12), "Additional properties are not allowed ('order' was unexpected)"),
    ("list_as_required", "parameters:\n  a:\n    required: [b]\n", (5, 15), "['b'] is not of type 'boolean'"),
    ("text_as_secret", "parameters:\n  a:\n    secret: \"yes\"\n", (5, 13), "'yes' is not of type 'boolean'"),
    ("text_as_immutable", "parameters:\n  a:\n    default: 1\n    immutable: \"yes\"\n", (6, 16), "'yes' is not of type 'boolean'"),
    ("negative_position", "parameters:\n  a:\n    position: -1\n", (5, 15), "-1 is less than the minimum of 0"),
    ("text_as_position", "parameters:\n  a:\n    position: first\n", (5, 15), "'first' is not of type 'number'"),
    ("same_positions", "parameters:\n  a:\n    position: 0\n  b:\n    position: 0\n", (7, 15), "Parameters b and a have same position 0. Position values have to be unique."),
    ("gap_in_positions", "parameters:\n  a:\n    position: 0\n  b:\n    position: 2\n", (7, 15), "Positions supplied [0, 2] for parameters are not contiguous."),
    ("immutable_without_default", "parameters:\n  a:\n    type: string\n    immutable: true\n", (6, 16), "Immutable param a requires a default value."),
    ("overridden_type", "parameters:\n  cmd:\n    type: integer\n", (5, 11), "The attribute \"type\" for the runner parameter \"cmd\" in action \"broken.overridden_type\" cannot be overridden."),
    ("overridden_secret", "parameters:\n  sudo_password:\n    secret: false\n", (5, 13), "The attribute \"secret\" for the runner parameter \"sudo_password\" in action \"broken.overridden_secret\" cannot be overridden."),
    ("empty_enum", "parameters:\n  a:\n    enum: []\n", (5, 11), "[] should be non-empty"),
    ("repeated_enum", "parameters:\n  a:\n    enum: [x, x]\n", (5, 11), "['x', 'x'] has non-unique elements"),
    ("negative_length", "parameters:\n  a:\n    minLength: -1\n", (5, 16), "-1 is less than the minimum of 0"),
    ("text_as_minimum", "parameters:\n  a:\n    minimum: low\n", (5, 14), "'low' is not of type 'number'"),
    ("exclusive_alone", "parameters:\n  a:\n    exclusiveMaximum: true\n", (5, 5), "'maximum' is a dependency of 'exclusiveMaximum'"),
    ("number_as_pattern", "parameters:\n  a:\n    pattern: 5\n", (5, 14), "5 is not of type 'string'"),
    ("number_as_items", "parameters:\n  a:\n    items: 5\n", (5, 12), "5 is not valid under any of the given schemas"),
    ("unknown_inner_type", "parameters:\n  a:\n    properties:\n      b:\n        type: nosuch\n", (7, 15), "'nosuch' is not valid under any of the given schemas"),
    ("text_as_tags", "tags: fast\n", (3, 7), "'fast' is not of type 'array', 'null'"),
    ("texts_as_tags", "tags:\n  - fast\n", (4, 5), "'fast' is not of type 'object'"),
    ("text_as_notify", "notify: me\n", (3, 9), "'me' is not of type 'object', 'null'"),
    ("unknown_notify", "notify:\n  on-failed: {message: m}\n", (4, 14), "Additional properties are not allowed ('on-failed' was unexpected)"),
    ("unknown_in_notify", "notify:\n  on-success:\n    text: m\n", (5, 11), "Additional properties are not allowed ('text' was unexpected)"),
    ("text_as_routes", "notify:\n  on-complete:\n    routes: slack\n", (5, 13), "'slack' is not of type 'array', 'null'"),
    ("list_as_output_schema", "output_schema: []\n", (3, 16), "[] is not of type 'object'"),
    ("bad_output_schema", "output_schema:\n  type: nosuch\n", (4, 9), "'nosuch' is not valid under any of the given schemas"),
    ("nul_in_description", "description: \"a\\0b\"\n", (3, 14), "holds a NUL character"),
    ("nul_in_parameter", "parameters:\n  a:\n    default: [x, \"\\0\"]\n", (5, 18), "holds a NUL character"),
];

/// Files from their beginning.
#[rustfmt::skip]
const BROKEN: &[Fault] = &[
    ("mapping_as_key", "? {a: 1}\n: b\n", (1, 3), "while constructing a mapping, found unhashable key"),
    ("merge_conflict", "<<<<<<< HEAD\nname: NAME\nrunner_type: local-shell-cmd\n=======\n>>>>>>> other\n", (2, 5), "mapping values are not allowed in this context"),
    ("empty_file", "", (1, 1), "The file is empty"),
    ("comment_alone", "# nothing here\n", (1, 1), "The file is empty"),
    ("only_null", "null\n", (1, 1), "The file is empty"),
    ("text", "just some words\n", (1, 1), "'just some words' is not of type 'object'"),
    ("number", "42\n", (1, 1), "42 is not of type 'object'"),
    ("list", "- name: NAME\n", (1, 1), "[{'name': 'list'}] is not of type 'object'"),
    ("no_name", "runner_type: local-shell-cmd\n", (1, 1), "'name' is a required property"),
    ("null_name", "name:\nrunner_type: local-shell-cmd\n", (1, 6), "None is not of type 'string'"),
    ("number_as_name", "name: 5\nrunner_type: local-shell-cmd\n", (1, 7), "5 is not of type 'string'"),
    ("boolean_as_name", "name: yes\nrunner_type: local-shell-cmd\n", (1, 7), "True is not of type 'string'"),
    ("list_as_name", "name: [NAME]\nrunner_type: local-shell-cmd\n", (1, 7), "['list_as_name'] is not of type 'string'"),
    ("no_runner", "name: NAME\n", (1, 1), "'runner_type' is a required property"),
    ("number_as_runner", "name: NAME\nrunner_type: 1\n", (2, 14), "1 is not of type 'string'"),
    ("unknown_runner", "name: NAME\nrunner_type: nosuch\n", (2, 14), "RunnerType nosuch is not found."),
    ("removed_runner", "name: NAME\nrunner_type: windows-cmd\n", (2, 14), "RunnerType windows-cmd is not found."),
    ("immutable_of_runner", "name: NAME\nrunner_type: remote-shell-cmd\nparameters:\n  parallel:\n    immutable: true\n", (5, 16), "Param parallel is declared immutable in runner. Cannot override in action."),
    ("nul_in_name", "name: \"NAME\\0\"\nrunner_type: noop\n", (1, 7), "holds a NUL character"),
];

fn faults() -> impl Iterator<Item = (&'static str, String, (usize, usize), &'static str)> {
    let later =
        BROKEN_LATER.iter().map(|(name, text, at, says)| (*name, format!("{HEADER}{text}"), *at, *says));
    let whole = BROKEN.iter().map(|(name, text, at, says)| (*name, (*text).to_owned(), *at, *says));
    later.chain(whole).map(|(name, text, at, says)| (name, text.replace("NAME", name), at, says))
}

fn problem<'a>(problems: &'a [Problem], file: &Path) -> &'a Problem {
    let mut found = problems.iter().filter(|problem| problem.file == file);
    let first = found.next().unwrap_or_else(|| panic!("no problem of {}", file.display()));
    assert!(found.next().is_none(), "two problems of {}", file.display());
    first
}

#[tokio::test]
async fn every_fault_of_an_action_has_its_place_and_changes_nothing() {
    let content = Content::new().await;
    content.pack("broken");
    for (name, ..) in faults() {
        content.write(&format!("broken/actions/{name}.yaml"), HEADER.replace("NAME", name));
    }
    assert_eq!(content.start().await.problems, []);
    let before = content.actions_of("broken").await;
    assert_eq!(before.len(), faults().count());

    let mut files = Vec::new();
    for (name, text, ..) in faults() {
        files.push(content.write(&format!("broken/actions/{name}.yaml"), text));
    }
    content.write("broken/actions/zz_good.yaml", "name: good\nrunner_type: noop\n");
    let report = content.register("broken").await;
    assert_eq!(report.problems.len(), files.len());
    for ((name, _, (line, column), says), file) in faults().zip(&files) {
        let problem = problem(&report.problems, file);
        let at = problem.position.map(|at| (at.line, at.column));
        assert_eq!(at, Some((line, column)), "{name}: {problem}");
        assert!(problem.message.contains(says), "{name}: {problem}");
        assert_eq!(problem.to_string(), format!("{}:{line}:{column}: {}", file.display(), problem.message));
    }
    let mut after = content.actions_of("broken").await;
    let good = after.iter().position(|action| action.spec.name == "good").unwrap();
    after.remove(good);
    assert_eq!(after, before);
}

#[tokio::test]
async fn files_that_are_no_text_of_the_pack_are_refused() {
    let content = Content::new().await;
    content.pack("odd");
    let good = "name: stolen\nrunner_type: noop\n";
    let outside = content.directory.path().join("outside.yaml");
    fs::write(&outside, good).unwrap();
    let path = |name: &str| content.directory.path().join("packs/odd/actions").join(name);
    let actions = path("");
    let write = |name: &str, bytes: &[u8]| fs::write(path(name), bytes).unwrap();

    fs::create_dir_all(&actions).unwrap();
    symlink(&outside, path("a_link_out.yaml")).unwrap();
    symlink("../../../outside.yaml", path("b_link_up.yaml")).unwrap();
    symlink("nowhere.yaml", path("c_dangling.yaml")).unwrap();
    fs::create_dir(path("d_directory.yaml")).unwrap();
    nix::unistd::mkfifo(&path("e_pipe.yaml"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    write("f_latin1.yaml", b"name: caf\xe9\nrunner_type: noop\n");
    write("g_second_line.yaml", b"name: a\ndescription: \xff\n");
    write("h_binary.yaml", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    write("i_huge.yaml", &b"# 50 MB of comment\n".repeat(50_000_000 / 19));
    let bomb = (1..40).fold("a0: &a0 [x]\n".to_owned(), |text, level| {
        let below = level - 1;
        text + &format!("a{level}: &a{level} [*a{below}, *a{below}]\n")
    });
    write("j_bomb.yaml", bomb.as_bytes());
    write("k_deep.yaml", "[".repeat(100_000).as_bytes());
    write("l_broken.json", b"{\"name\": \"a\",\n \"runner_type\": noop}");
    write("m_comma.json", b"{\"name\": \"a\", \"runner_type\": \"noop\",}");
    write("n_form.json", b"{\"name\": \"a\",\n \"runner_type\": \"noop\",\n \"enabled\": 1}");
    write("o_yaml.json", b"name: a\nrunner_type: noop\n");
    // A link that stays inside is as good as a copy.
    fs::create_dir(path("shared")).unwrap();
    write("shared/p.txt", b"name: linked\nrunner_type: noop\n");
    symlink("shared/p.txt", path("p_inside.yaml")).unwrap();
    // Not metadata, and none of our business.
    write("config.yaml", b"[");
    write(".hidden.yaml", b"[");
    write("script.sh", b"[");

    content.start().await;
    let report = content.register("odd").await;
    let said: Vec<_> = report
        .problems
        .iter()
        .map(|problem| {
            let name = problem.file.file_name().unwrap().to_str().unwrap();
            let at = problem.position.map(|at| (at.line, at.column));
            (name, at, problem.message.as_str())
        })
        .collect();
    let expected = [
        ("a_link_out.yaml", None, "leads out of the pack"),
        ("b_link_up.yaml", None, "leads out of the pack"),
        ("c_dangling.yaml", None, "cannot be read: No such file or directory (os error 2)"),
        ("d_directory.yaml", None, "is not a regular file"),
        ("e_pipe.yaml", None, "is not a regular file"),
        ("f_latin1.yaml", Some((1, 10)), "is not valid UTF-8"),
        ("g_second_line.yaml", Some((2, 14)), "is not valid UTF-8"),
        ("h_binary.yaml", Some((1, 1)), "unacceptable character"),
        ("i_huge.yaml", None, "is larger than 4194304 bytes"),
        ("j_bomb.yaml", Some((2, 5)), "too large"),
        ("k_deep.yaml", Some((1, 101)), "too deeply"),
        ("l_broken.json", Some((2, 17)), "invalid literal"),
        ("m_comma.json", Some((1, 36)), "trailing comma"),
        ("n_form.json", Some((3, 13)), "1 is not of type 'boolean'"),
        ("o_yaml.json", Some((1, 1)), "invalid literal"),
    ];
    for ((name, at, message), (expected, place, says)) in said.iter().zip(expected) {
        assert_eq!((*name, *at), (expected, place), "{message}");
        assert!(message.contains(says), "{name}: {message}");
    }
    assert_eq!(said.len(), expected.len());
    let names: Vec<_> = content.actions_of("odd").await.into_iter().map(|action| action.spec.name).collect();
    assert_eq!(names, ["linked"]);
}

#[tokio::test]
async fn a_pack_with_a_broken_manifest_counts_as_a_whole_or_not_at_all() {
    let good = "name: NAME\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.cz\n";
    let cases = [
        ("empty", "", Some((1, 1)), "Pack \"empty\" metadata file is empty"),
        ("listed", "- name: x\n", Some((1, 1)), "is not of type 'object'"),
        ("unread", "name: [\n", Some((2, 1)), "while parsing"),
        (
            "unnamed",
            "description: d\nversion: 1.0.0\nauthor: a\n",
            Some((1, 1)),
            "'name' is a required property",
        ),
        (
            "old",
            &good.replace("1.0.0", "0.1"),
            Some((3, 10)),
            "Pack version \"0.1\" doesn't follow a valid semver",
        ),
        (
            "dashed",
            &format!("{good}ref: with-dash\n"),
            Some((6, 6)),
            "Pack ref / name can only contain valid word",
        ),
        (
            "here",
            &format!("{good}ref: there\n"),
            Some((6, 6)),
            "lies in a directory of another name, \"here\"",
        ),
        ("_global", good, Some((1, 7)), "_global is a reserved name"),
        ("With-Dash", &good.replace("NAME", "With-Dash"), Some((1, 7)), "contains invalid characters"),
        ("words", &format!("{good}keywords: a, b\n"), Some((6, 11)), "'a, b' is not of type 'array'"),
        ("pythons", &format!("{good}python_versions: [3]\n"), Some((6, 19)), "3 is not of type 'string'"),
        ("zeroed", &format!("{good}license: \"\\0\"\n"), Some((6, 10)), "holds a NUL character"),
    ];
    let content = Content::new().await;
    for (name, text, ..) in &cases {
        content.write(&format!("{name}/pack.yaml"), text.replace("NAME", name));
        content.write(&format!("{name}/actions/a.yaml"), "name: a\nrunner_type: noop\n");
    }
    content.pack("good");
    content.write("good/actions/a.yaml", "name: a\nrunner_type: noop\n");
    let report = content.start().await;
    for (name, _, place, says) in &cases {
        let problem =
            problem(&report.problems, &content.directory.path().join(format!("packs/{name}/pack.yaml")));
        assert_eq!(problem.position.map(|at| (at.line, at.column)), *place, "{name}: {problem}");
        assert!(problem.message.contains(says), "{name}: {problem}");
        assert_eq!(content.actions_of(name).await, [], "{name}");
        assert!(store::packs::find(content.store.pool(), name).await.unwrap().is_none(), "{name}");
    }
    assert_eq!(report.problems.len(), cases.len());
    assert_eq!(content.actions_of("good").await.len(), 1);

    content.write("bare/README.md", "no manifest");
    let report = content.register("bare").await;
    assert_eq!(report.problems[0].message, "Pack \"bare\" is missing pack.yaml file");
    assert_eq!(
        report.problems[0].failure(),
        "Failed to register pack \"bare\": Pack \"bare\" is missing pack.yaml file"
    );
}
