//! WS-Management messages about a shell: written as text, read as XML.
//!
//! Only what running a command takes; what else WS-Management has is left out.

use base64::{Engine, engine::general_purpose::STANDARD};
use roxmltree::{Document, Node};
use std::fmt::Write;
use uuid::Uuid;

/// What is done with a shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Create,
    Command,
    Receive,
    Signal,
    Delete,
}

impl Action {
    fn uri(self) -> &'static str {
        match self {
            Self::Create => "http://schemas.xmlsoap.org/ws/2004/09/transfer/Create",
            Self::Command => "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Command",
            Self::Receive => "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Receive",
            Self::Signal => "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Signal",
            Self::Delete => "http://schemas.xmlsoap.org/ws/2004/09/transfer/Delete",
        }
    }

    fn options(self) -> &'static [(&'static str, &'static str)] {
        match self {
            // 65001 is UTF-8.
            Self::Create => &[("WINRS_NOPROFILE", "FALSE"), ("WINRS_CODEPAGE", "65001")],
            Self::Command => &[("WINRS_CONSOLEMODE_STDIN", "TRUE"), ("WINRS_SKIP_CMD_SHELL", "FALSE")],
            _ => &[],
        }
    }
}

/// A message to be.
#[derive(Debug)]
pub(super) struct Message<'a> {
    pub(super) action: Action,
    /// The URL it goes to.
    pub(super) to: &'a str,
    /// The shell it is about, once there is one.
    pub(super) shell: Option<&'a str>,
    /// How long the host may work on it.
    pub(super) seconds: u64,
    /// What stands in its body, as XML.
    pub(super) body: String,
}

impl Message<'_> {
    /// The whole envelope.
    pub(super) fn text(&self) -> String {
        let mut options = String::new();
        for (name, value) in self.action.options() {
            let _ = write!(options, "<w:Option Name=\"{name}\">{value}</w:Option>");
        }
        if !options.is_empty() {
            options = format!("<w:OptionSet>{options}</w:OptionSet>");
        }
        let shell = self.shell.map_or_else(String::new, |id| {
            format!("<w:SelectorSet><w:Selector Name=\"ShellId\">{}</w:Selector></w:SelectorSet>", escape(id))
        });
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
             <env:Envelope xmlns:env=\"http://www.w3.org/2003/05/soap-envelope\" \
             xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
             xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" \
             xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\" \
             xmlns:rsp=\"http://schemas.microsoft.com/wbem/wsman/1/windows/shell\"><env:Header>\
             <a:To>{to}</a:To><a:ReplyTo><a:Address mustUnderstand=\"true\">\
             http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>\
             <w:MaxEnvelopeSize mustUnderstand=\"true\">153600</w:MaxEnvelopeSize>\
             <a:MessageID>uuid:{id}</a:MessageID>\
             <w:Locale mustUnderstand=\"false\" xml:lang=\"en-US\"/>\
             <p:DataLocale mustUnderstand=\"false\" xml:lang=\"en-US\"/>\
             <w:OperationTimeout>PT{seconds}S</w:OperationTimeout>\
             <w:ResourceURI mustUnderstand=\"true\">\
             http://schemas.microsoft.com/wbem/wsman/1/windows/shell/cmd</w:ResourceURI>\
             <a:Action mustUnderstand=\"true\">{action}</a:Action>{options}{shell}</env:Header>\
             <env:Body>{body}</env:Body></env:Envelope>",
            to = escape(self.to),
            id = Uuid::new_v4(),
            seconds = self.seconds,
            action = self.action.uri(),
            body = self.body,
        )
    }
}

/// Text as XML holds it. White space that a reader of XML would change is written as a reference.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\r' => escaped.push_str("&#13;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The first character of a text that XML cannot hold.
pub(super) fn unwritable(text: &str) -> Option<char> {
    text.chars().find(
        |&c| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}'),
    )
}

/// The body that makes a shell.
pub(super) fn shell_body(directory: Option<&str>, variables: &[(String, String)]) -> String {
    let mut body =
        "<rsp:Shell><rsp:InputStreams>stdin</rsp:InputStreams><rsp:OutputStreams>stdout stderr</rsp:OutputStreams>"
            .to_owned();
    if let Some(directory) = directory {
        let _ = write!(body, "<rsp:WorkingDirectory>{}</rsp:WorkingDirectory>", escape(directory));
    }
    if !variables.is_empty() {
        body.push_str("<rsp:Environment>");
        for (name, value) in variables {
            let _ = write!(body, "<rsp:Variable Name=\"{}\">{}</rsp:Variable>", escape(name), escape(value));
        }
        body.push_str("</rsp:Environment>");
    }
    body + "</rsp:Shell>"
}

/// The body that starts a command.
pub(super) fn command_body(line: &str) -> String {
    format!("<rsp:CommandLine><rsp:Command>{}</rsp:Command></rsp:CommandLine>", escape(line))
}

/// The body that asks for output.
pub(super) fn receive_body(command: &str) -> String {
    format!(
        "<rsp:Receive><rsp:DesiredStream CommandId=\"{}\">stdout stderr</rsp:DesiredStream></rsp:Receive>",
        escape(command)
    )
}

/// The body that ends a command.
pub(super) fn terminate_body(command: &str) -> String {
    format!(
        "<rsp:Signal CommandId=\"{}\"><rsp:Code>\
         http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/terminate</rsp:Code></rsp:Signal>",
        escape(command)
    )
}

/// What a command printed since it was asked last.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Output {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// Its exit code, once it has ended.
    pub(super) ended: Option<i64>,
}

/// The id of the shell that was made.
pub(super) fn read_shell(text: &str) -> Result<String, String> {
    let document = parse(text)?;
    let selector = |node: &Node<'_, '_>| node.attribute("Name") == Some("ShellId");
    text_of(&document, selector).ok_or_else(|| missing("ShellId"))
}

/// The id of the command that was started.
pub(super) fn read_command(text: &str) -> Result<String, String> {
    let document = parse(text)?;
    text_of(&document, |node| node.tag_name().name() == "CommandId").ok_or_else(|| missing("CommandId"))
}

/// What was received.
pub(super) fn read_output(text: &str) -> Result<Output, String> {
    let document = parse(text)?;
    let mut output = Output::default();
    for node in document.descendants().filter(|node| node.tag_name().name() == "Stream") {
        // Long streams may be broken into lines.
        let encoded: String = node.text().unwrap_or_default().split_whitespace().collect();
        let bytes = STANDARD
            .decode(encoded)
            .map_err(|error| format!("The host sent output that is no base64: {error}"))?;
        match node.attribute("Name") {
            Some("stdout") => output.stdout.extend(bytes),
            Some("stderr") => output.stderr.extend(bytes),
            _ => {}
        }
    }
    let state = document.descendants().find(|node| node.tag_name().name() == "CommandState");
    if state
        .and_then(|node| node.attribute("State"))
        .is_some_and(|state| state.ends_with("CommandState/Done"))
    {
        let code = text_of(&document, |node| node.tag_name().name() == "ExitCode");
        output.ended = Some(code.and_then(|code| code.parse().ok()).unwrap_or(-1));
    }
    Ok(output)
}

/// What the host says is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) reason: String,
    pub(super) code: Option<String>,
    pub(super) subcode: Option<String>,
    /// Microsoft's own number for it.
    pub(super) number: Option<u64>,
}

impl Fault {
    /// The fault in an answer, if it is one.
    pub(super) fn read(text: &str) -> Option<Self> {
        let document = parse(text).ok()?;
        let fault = document.descendants().find(|node| node.tag_name().name() == "Fault")?;
        let below = |parent: &str, name: &str| {
            let is_it = |node: &Node<'_, '_>| {
                node.tag_name().name() == name
                    && node.parent().is_some_and(|above| above.tag_name().name() == parent)
            };
            let found = fault.descendants().find(is_it)?.text()?.trim();
            (!found.is_empty()).then(|| found.to_owned())
        };
        let number = fault.descendants().find(|node| node.tag_name().name() == "WSManFault");
        Some(Self {
            reason: below("Reason", "Text").unwrap_or_else(|| "(no error message in fault)".to_owned()),
            code: below("Code", "Value"),
            subcode: below("Subcode", "Value"),
            number: number.and_then(|node| node.attribute("Code")).and_then(|code| code.parse().ok()),
        })
    }

    /// The host had nothing to tell in the time it was given: the command runs on.
    pub(super) fn is_nothing_yet(&self) -> bool {
        self.number == Some(2_150_858_793)
    }
}

fn parse(text: &str) -> Result<Document<'_>, String> {
    Document::parse(text).map_err(|error| format!("The host answered with something that is no XML: {error}"))
}

fn text_of(document: &Document<'_>, is_it: impl Fn(&Node<'_, '_>) -> bool) -> Option<String> {
    document
        .descendants()
        .find(is_it)?
        .text()
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

fn missing(name: &str) -> String {
    format!("The host answered without a {name}: it does not speak WS-Management as Windows does")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_xml_whatever_is_in_them() {
        let nasty = "a<b>&\"c'\r\n\tü]]>";
        let variables = [("N<\"".to_owned(), nasty.to_owned())];
        for body in [
            shell_body(Some(nasty), &variables),
            command_body(nasty),
            receive_body(nasty),
            terminate_body(nasty),
        ] {
            let message = Message {
                action: Action::Command,
                to: "http://h/?a&b",
                shell: Some(nasty),
                seconds: 7,
                body,
            };
            let text = message.text();
            let document = Document::parse(&text).unwrap();
            let holds = document
                .descendants()
                .any(|node| node.text() == Some(nasty) || node.attribute("CommandId") == Some(nasty));
            assert!(holds, "{text}");
        }
        assert_eq!((unwritable("a\u{1}"), unwritable(nasty)), (Some('\u{1}'), None));
    }

    #[test]
    fn output_is_put_together_and_the_end_is_seen() {
        let text = "<s:Envelope xmlns:s='s' xmlns:rsp='r'><s:Body><rsp:ReceiveResponse>\
            <rsp:Stream Name='stdout' CommandId='C'>aGV5\n IA==</rsp:Stream><rsp:Stream Name='stderr'>ZXJy</rsp:Stream>\
            <rsp:Stream Name='stdout'>eW91</rsp:Stream><rsp:Stream Name='stdout' End='true'/>\
            <rsp:CommandState State='http://x/CommandState/Done'><rsp:ExitCode>4294967295</rsp:ExitCode>\
            </rsp:CommandState></rsp:ReceiveResponse></s:Body></s:Envelope>";
        let output = read_output(text).unwrap();
        assert_eq!(
            (output.stdout, output.stderr, output.ended),
            (b"hey you".to_vec(), b"err".to_vec(), Some(4_294_967_295))
        );
        let running = read_output("<a><CommandState State='http://x/CommandState/Running'/></a>").unwrap();
        assert_eq!(running, Output::default());
        assert!(read_output("nonsense").is_err());
        assert!(read_shell("<a/>").unwrap_err().contains("without a ShellId"));
    }

    #[test]
    fn a_fault_is_read_apart() {
        let text = "<s:Envelope xmlns:s='s' xmlns:f='f'><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value>\
            <s:Subcode><s:Value>w:InvalidSelectors</s:Value></s:Subcode></s:Code>\
            <s:Reason><s:Text xml:lang='en-US'>The shell is gone. </s:Text></s:Reason>\
            <s:Detail><f:WSManFault Code='2150858843'/></s:Detail></s:Fault></s:Body></s:Envelope>";
        let fault = Fault::read(text).unwrap();
        let owned = |text: &str| Some(text.to_owned());
        let expected = Fault {
            reason: "The shell is gone.".to_owned(),
            code: owned("s:Sender"),
            subcode: owned("w:InvalidSelectors"),
            number: Some(2_150_858_843),
        };
        assert_eq!(fault, expected);
        assert!(!fault.is_nothing_yet());
        assert_eq!(Fault::read("<html/>"), None);
    }
}
