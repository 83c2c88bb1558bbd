//! Timestamps as YAML 1.1 writes them.

/// A timestamp as it stands in the text, not yet checked against the calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) year: i32,
    pub(super) month: u32,
    pub(super) day: u32,
    pub(super) time: Option<Time>,
}

/// The part behind the date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Time {
    pub(super) hour: u32,
    pub(super) minute: u32,
    pub(super) second: u32,
    pub(super) micros: u32,
    /// Minutes east of UTC; `None` without a zone.
    pub(super) offset: Option<i32>,
}

/// A reader of fixed patterns.
struct Pattern<'a>(&'a str);

impl Pattern<'_> {
    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let count = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if count < least {
            return None;
        }
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        digits.parse().ok()
    }

    fn one_of(&mut self, chars: &[char]) -> Option<char> {
        let c = self.0.chars().next().filter(|c| chars.contains(c))?;
        self.0 = &self.0[c.len_utf8()..];
        Some(c)
    }

    fn blanks(&mut self) -> bool {
        let rest = self.0.trim_start_matches([' ', '\t']);
        let some = rest.len() < self.0.len();
        self.0 = rest;
        some
    }
}

impl Stamp {
    /// Reads a date, or a date and time with an optional fraction and zone; `None` if it is neither.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut rest = Pattern(text);
        let year = rest.digits(4, 4)?;
        rest.one_of(&['-'])?;
        let month = rest.digits(1, 2)?;
        rest.one_of(&['-'])?;
        let day = rest.digits(1, 2)?;
        let time = if rest.0.is_empty() { None } else { Some(Time::parse(&mut rest)?) };
        rest.0.is_empty().then_some(Self { year: year as i32, month, day, time })
    }
}

impl Time {
    fn parse(rest: &mut Pattern<'_>) -> Option<Self> {
        if rest.one_of(&['T', 't']).is_none() && !rest.blanks() {
            return None;
        }
        let hour = rest.digits(1, 2)?;
        rest.one_of(&[':'])?;
        let minute = rest.digits(2, 2)?;
        rest.one_of(&[':'])?;
        let second = rest.digits(2, 2)?;
        let mut micros = 0;
        if rest.one_of(&['.']).is_some() {
            let count = rest.0.bytes().take_while(u8::is_ascii_digit).count();
            let (digits, after) = rest.0.split_at(count);
            micros = format!("{digits:0<6}")[..6].parse().ok()?;
            rest.0 = after;
        }
        let blanks = rest.blanks();
        let offset = match rest.one_of(&['Z', '+', '-']) {
            None if blanks => return None,
            None => None,
            Some('Z') => Some(0),
            Some(sign) => {
                let hours = rest.digits(1, 2)?;
                let minutes = if rest.one_of(&[':']).is_some() { rest.digits(2, 2)? } else { 0 };
                let minutes = (hours * 60 + minutes) as i32;
                Some(if sign == '-' { -minutes } else { minutes })
            }
        };
        Some(Self { hour, minute, second, micros, offset })
    }
}
