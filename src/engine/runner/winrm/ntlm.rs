//! NTLM version 2, as a client: the answer to a challenge, and messages signed and sealed with what both then know.
//!
//! After [MS-NLMP], whose published example is a test here. Left out: version 1, and anything without extended session
//! security and 128 bits, which no Windows since 2008 needs.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use md4::{Digest, Md4};
use md5::Md5;
use rc4::{Rc4, StreamCipher};
use subtle::ConstantTimeEq;

const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

/// What we can and want: Unicode, the name of the target, signing, sealing, NTLM, signing always, extended session
/// security, information on the target, a version, 128 and 56 bits, a session key of our own.
const FLAGS: u32 = 0xe288_8235;

/// Both sides have these, or nothing can be agreed on.
const NEEDED: u32 = 0x0008_0000 | 0x2000_0000 | 0x4000_0000;

/// Windows 10, NTLM revision 15: what is in the version field has no effect.
const VERSION: [u8; 8] = [10, 0, 0x61, 0x4a, 0, 0, 0, 15];

/// Between the year 1601 and 1970, in steps of 100 ns.
const EPOCH: u64 = 116_444_736_000_000_000;

/// Kinds of information on the target.
mod pair {
    pub(super) const END: u16 = 0;
    pub(super) const FLAGS: u16 = 6;
    pub(super) const TIME: u16 = 7;
    pub(super) const TARGET: u16 = 9;
    pub(super) const BINDINGS: u16 = 10;
}

/// Whoever logs in.
#[derive(Clone, Debug)]
pub(super) struct Login {
    domain: String,
    user: String,
    /// The password's hash with user and domain.
    key: [u8; 16],
}

/// What differs from one login to the next.
#[derive(Clone, Debug)]
pub(super) struct Chance {
    pub(super) client_challenge: [u8; 8],
    pub(super) session_key: [u8; 16],
    /// Steps of 100 ns since 1601, for hosts that do not tell theirs.
    pub(super) time: u64,
}

impl Chance {
    /// A new one; `unix_micros` is the time.
    pub(super) fn new(unix_micros: u64) -> Result<Self, String> {
        let mut random = [0; 24];
        getrandom::fill(&mut random).map_err(|error| format!("No random numbers can be had: {error}"))?;
        let mut chance =
            Self { client_challenge: [0; 8], session_key: [0; 16], time: EPOCH + unix_micros * 10 };
        chance.client_challenge.copy_from_slice(&random[..8]);
        chance.session_key.copy_from_slice(&random[8..]);
        Ok(chance)
    }
}

/// Whom we log in to, so that nobody in between can pass the login on.
#[derive(Clone, Debug, Default)]
pub(super) struct Target {
    /// `HTTP/host`.
    pub(super) service: String,
    /// Hash of the channel bindings of TLS.
    pub(super) bindings: Option<[u8; 16]>,
}

/// The first message.
pub(super) fn negotiate() -> Vec<u8> {
    let mut message = SIGNATURE.to_vec();
    message.extend(1_u32.to_le_bytes());
    message.extend(FLAGS.to_le_bytes());
    message.extend([0; 16]);
    message.extend(VERSION);
    message
}

/// The token of a `WWW-Authenticate` header of one of these schemes: the scheme, and what comes after it.
pub(super) fn token(header: &str) -> Option<(&'static str, Vec<u8>)> {
    let schemes = ["Negotiate", "NTLM"];
    header.split(',').map(str::trim).find_map(|offer| {
        let (scheme, rest) = offer.split_once(' ').unwrap_or((offer, ""));
        let scheme = schemes.into_iter().find(|known| known.eq_ignore_ascii_case(scheme))?;
        Some((scheme, STANDARD.decode(rest.trim()).ok()?))
    })
}

impl Login {
    /// `DOMAIN\user`, `user@domain`, or an account of the host.
    pub(super) fn new(username: &str, password: &str) -> Self {
        let (domain, user) = username.split_once('\\').unwrap_or(("", username));
        let key = hmac(&Md4::digest(utf16(password)), &[&utf16(&(user.to_uppercase() + domain))]);
        Self { domain: domain.to_owned(), user: user.to_owned(), key }
    }

    /// The answer to a challenge, and what protects the messages after it.
    ///
    /// # Errors
    /// In words for the user: the challenge makes no sense, or is too weak.
    pub(super) fn answer(
        &self,
        challenge: &[u8],
        target: &Target,
        chance: &Chance,
    ) -> Result<(Vec<u8>, Session), String> {
        let offered = Challenge::read(challenge).ok_or("The host's NTLM challenge cannot be read")?;
        if offered.flags & NEEDED != NEEDED {
            return Err(
                "The host offers NTLM without session security of 128 bits; that is refused".to_owned()
            );
        }
        let time = offered.pairs.iter().find(|(kind, _)| *kind == pair::TIME).map(|(_, value)| value.clone());
        let has_time = time.is_some();
        let time = time.unwrap_or_else(|| chance.time.to_le_bytes().to_vec());
        let information =
            if has_time { with_ours(&offered.pairs, target) } else { offered.information.to_vec() };
        let blob = blob(&time, &chance.client_challenge, &information);
        let proof = hmac(&self.key, &[&offered.nonce, &blob]);
        let response = [proof.as_slice(), &blob].concat();
        let lan_manager = if has_time {
            vec![0; 24]
        } else {
            let half = hmac(&self.key, &[&offered.nonce, &chance.client_challenge]);
            [half.as_slice(), &chance.client_challenge].concat()
        };
        let base = hmac(&self.key, &[&proof]);
        let mut sealed_key = chance.session_key;
        cipher(&base).apply_keystream(&mut sealed_key);
        let parts = [
            &lan_manager,
            &response,
            &utf16(&self.domain),
            &utf16(&self.user),
            &vec![],
            &sealed_key.to_vec(),
        ];
        let mut message = authenticate(parts, offered.flags & FLAGS);
        if has_time {
            // Proves that nobody changed the three messages.
            let code = hmac(&chance.session_key, &[&negotiate(), challenge, &message]);
            message[MIC..MIC + 16].copy_from_slice(&code);
        }
        Ok((message, Session::new(&chance.session_key)))
    }
}

/// Where the third message has its integrity code.
const MIC: usize = 72;

/// The third message: lengths and places of its parts, then the parts.
fn authenticate(parts: [&Vec<u8>; 6], flags: u32) -> Vec<u8> {
    let mut message = SIGNATURE.to_vec();
    message.extend(3_u32.to_le_bytes());
    let mut at = MIC + 16;
    for part in parts {
        let length = (part.len() as u16).to_le_bytes();
        message.extend(length);
        message.extend(length);
        message.extend((at as u32).to_le_bytes());
        at += part.len();
    }
    message.extend(flags.to_le_bytes());
    message.extend(VERSION);
    message.extend([0; 16]);
    for part in parts {
        message.extend(part);
    }
    message
}

/// What the host wants to be asked.
struct Challenge<'a> {
    flags: u32,
    nonce: [u8; 8],
    information: &'a [u8],
    pairs: Vec<(u16, Vec<u8>)>,
}

impl<'a> Challenge<'a> {
    fn read(message: &'a [u8]) -> Option<Self> {
        if !message.starts_with(SIGNATURE) || u32_at(message, 8)? != 2 {
            return None;
        }
        let (length, place) = (u16_at(message, 40)? as usize, u32_at(message, 44)? as usize);
        let information = message.get(place..place.checked_add(length)?)?;
        Some(Self {
            flags: u32_at(message, 20)?,
            nonce: message.get(24..32)?.try_into().ok()?,
            information,
            pairs: read_pairs(information)?,
        })
    }
}

fn read_pairs(mut rest: &[u8]) -> Option<Vec<(u16, Vec<u8>)>> {
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let (kind, length) = (u16_at(rest, 0)?, u16_at(rest, 2)? as usize);
        if kind == pair::END {
            break;
        }
        pairs.push((kind, rest.get(4..4 + length)?.to_vec()));
        rest = &rest[4 + length..];
    }
    Some(pairs)
}

/// What the host said of itself, with what we say of it.
fn with_ours(pairs: &[(u16, Vec<u8>)], target: &Target) -> Vec<u8> {
    let mut flags = 0;
    let mut all: Vec<(u16, Vec<u8>)> = Vec::new();
    for (kind, value) in pairs {
        match *kind {
            pair::FLAGS => flags = u32_at(value, 0).unwrap_or_default(),
            pair::TARGET | pair::BINDINGS => {}
            _ => all.push((*kind, value.clone())),
        }
    }
    // The third message has an integrity code.
    all.push((pair::FLAGS, (flags | 2).to_le_bytes().to_vec()));
    all.push((pair::BINDINGS, target.bindings.unwrap_or_default().to_vec()));
    all.push((pair::TARGET, utf16(&target.service)));
    let mut bytes = Vec::new();
    for (kind, value) in &all {
        bytes.extend(kind.to_le_bytes());
        bytes.extend((value.len() as u16).to_le_bytes());
        bytes.extend(value);
    }
    bytes.extend([0; 4]);
    bytes
}

fn blob(time: &[u8], client_challenge: &[u8; 8], information: &[u8]) -> Vec<u8> {
    [&[1, 1, 0, 0, 0, 0, 0, 0], time, client_challenge, &[0; 4], information, &[0; 4]].concat()
}

/// What protects the messages after the login.
pub(super) struct Session {
    ours: Direction,
    theirs: Direction,
}

/// Messages that go one way.
struct Direction {
    sign: [u8; 16],
    seal: Rc4,
    number: u32,
}

impl Session {
    fn new(key: &[u8; 16]) -> Self {
        Self {
            ours: Direction::new(key, "client-to-server"),
            theirs: Direction::new(key, "server-to-client"),
        }
    }

    /// A sealed message: its signature, then it.
    pub(super) fn seal(&mut self, message: &[u8]) -> ([u8; 16], Vec<u8>) {
        let mut sealed = message.to_vec();
        self.ours.seal.apply_keystream(&mut sealed);
        (self.ours.signature(message), sealed)
    }

    /// A message unsealed; `None` when it is not what was signed.
    pub(super) fn unseal(&mut self, signature: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let mut message = sealed.to_vec();
        self.theirs.seal.apply_keystream(&mut message);
        let expected = self.theirs.signature(&message);
        bool::from(expected.as_slice().ct_eq(signature)).then_some(message)
    }
}

impl Direction {
    fn new(key: &[u8; 16], way: &str) -> Self {
        let made = |what: &str| -> [u8; 16] {
            let magic = format!("session key to {way} {what} key magic constant\0");
            Md5::digest([key.as_slice(), magic.as_bytes()].concat()).into()
        };
        Self { sign: made("signing"), seal: cipher(&made("sealing")), number: 0 }
    }

    fn signature(&mut self, message: &[u8]) -> [u8; 16] {
        let number = self.number.to_le_bytes();
        let code = hmac(&self.sign, &[&number, message]);
        let mut signature = [0; 16];
        signature[0] = 1;
        signature[4..12].copy_from_slice(&code[..8]);
        self.seal.apply_keystream(&mut signature[4..12]);
        signature[12..].copy_from_slice(&number);
        self.number += 1;
        signature
    }
}

fn cipher(key: &[u8; 16]) -> Rc4 {
    Rc4::new_from_slice(key).expect("RC4 takes keys of 16 bytes")
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = Hmac::<Md5>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The challenge of [MS-NLMP] 4.2.4, with flags that we accept.
    fn challenge(information: &[u8]) -> Vec<u8> {
        let mut message = SIGNATURE.to_vec();
        message.extend(2_u32.to_le_bytes());
        message.extend([0; 8]);
        message.extend(FLAGS.to_le_bytes());
        message.extend(hex::decode("0123456789abcdef").unwrap());
        message.extend([0; 8]);
        message.extend((information.len() as u16).to_le_bytes());
        message.extend((information.len() as u16).to_le_bytes());
        message.extend(56_u32.to_le_bytes());
        message.extend(VERSION);
        message.extend(information);
        message
    }

    fn names() -> Vec<u8> {
        hex::decode("02000c0044006f006d00610069006e0001000c0053006500720076006500720000000000").unwrap()
    }

    fn example() -> (Login, Chance) {
        let login = Login::new("Domain\\User", "Password");
        (login, Chance { client_challenge: [0xaa; 8], session_key: [0x55; 16], time: 0 })
    }

    fn field(message: &[u8], number: usize) -> &[u8] {
        let at = 12 + number * 8;
        let (length, place) =
            (u16_at(message, at).unwrap() as usize, u32_at(message, at + 4).unwrap() as usize);
        &message[place..place + length]
    }

    #[test]
    fn the_published_example_is_answered_as_published() {
        let (login, chance) = example();
        assert_eq!(hex::encode(login.key), "0c868a403bfd7a93a3001ef22ef02e3f");
        let (message, _) = login.answer(&challenge(&names()), &Target::default(), &chance).unwrap();
        assert_eq!(hex::encode(field(&message, 0)), "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa");
        assert_eq!(hex::encode(&field(&message, 1)[..16]), "68cd0ab851e51c96aabc927bebef6a1c");
        assert_eq!(hex::encode(field(&message, 5)), "c5dad2544fc9799094ce1ce90bc9d03e");
        assert_eq!(
            (field(&message, 2), field(&message, 3)),
            (utf16("Domain").as_slice(), utf16("User").as_slice())
        );
    }

    #[test]
    fn the_published_message_is_sealed_as_published() {
        let mut session = Session::new(&[0x55; 16]);
        let (signature, sealed) = session.seal(&utf16("Plaintext"));
        assert_eq!(hex::encode(sealed), "54e50165bf1936dc996020c1811b0f06fb5f");
        assert_eq!(hex::encode(signature), "010000007fb38ec5c55d497600000000");
        let tampered = Session::new(&[0x55; 16]).unseal(&signature, &[1, 2, 3]);
        assert_eq!(tampered, None);
    }

    #[test]
    fn a_host_that_tells_its_time_gets_an_integrity_code_and_bindings() {
        let (login, chance) = example();
        let mut information = names();
        information.truncate(names().len() - 4);
        information.extend([7, 0, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0]);
        let challenge = challenge(&information);
        let target = Target { service: "HTTP/h".to_owned(), bindings: Some([9; 16]) };
        let (mut message, _) = login.answer(&challenge, &target, &chance).unwrap();
        let pairs = read_pairs(&field(&message, 1)[44..]).unwrap();
        let find = |kind| pairs.iter().find(|(found, _)| *found == kind).map(|(_, value)| value.clone());
        assert_eq!(find(pair::FLAGS), Some(vec![2, 0, 0, 0]));
        assert_eq!(find(pair::BINDINGS), Some(vec![9; 16]));
        assert_eq!(find(pair::TARGET), Some(utf16("HTTP/h")));
        let code = message[MIC..MIC + 16].to_vec();
        message[MIC..MIC + 16].fill(0);
        assert_eq!(code, hmac(&[0x55; 16], &[&negotiate(), &challenge, &message]));
    }

    #[test]
    fn challenges_without_sense_are_refused() {
        let (login, chance) = example();
        let whole = challenge(&names());
        for length in 0..whole.len() {
            assert!(login.answer(&whole[..length], &Target::default(), &chance).is_err(), "{length}");
        }
        let mut weak = whole.clone();
        weak[20..24].copy_from_slice(&0x0000_0201_u32.to_le_bytes());
        assert!(
            login.answer(&weak, &Target::default(), &chance).is_err_and(|error| error.contains("128 bits"))
        );
        assert_eq!(token("Basic realm=\"x\", Negotiate"), Some(("Negotiate", vec![])));
        assert_eq!(token("NTLM QUJD"), Some(("NTLM", b"ABC".to_vec())));
        assert_eq!(token("Basic"), None);
    }
}
