//! The order of a set of numbers: that of the table of hashes in which CPython keeps it, which texts show.
//!
//! Left out: everything but numbers. The hashes of texts differ from one process of Python to the next, so nobody can
//! rely on where they stand; here they stay in the order they came in.

use indexmap::IndexSet;
use num_bigint::{BigInt, Sign};
use num_traits::{FromPrimitive, Signed, ToPrimitive};

use super::value::{Key, Value};

/// Python's hashes of numbers are remainders by this prime.
const MODULUS: u64 = (1 << 61) - 1;

/// How many places in a row are tried before the search jumps.
const PROBES: usize = 9;

const PERTURB_SHIFT: u32 = 5;

/// The items in the order of Python's table, if all of them are numbers; as they came otherwise.
pub(super) fn ordered(items: IndexSet<Key>) -> IndexSet<Key> {
    if items.len() < 2 {
        return items;
    }
    let Some(hashes) = items.iter().map(|key| hash(key.get())).collect::<Option<Vec<u64>>>() else {
        return items;
    };
    let mut table = Table { slots: vec![None; 8], used: 0 };
    for (at, hash) in hashes.into_iter().enumerate() {
        table.add(at, hash);
    }
    let mut items: Vec<Option<Key>> = items.into_iter().map(Some).collect();
    table.slots.into_iter().flatten().filter_map(|(at, _)| items[at].take()).collect()
}

struct Table {
    /// The place of an item, and its hash.
    slots: Vec<Option<(usize, u64)>>,
    used: usize,
}

impl Table {
    fn add(&mut self, item: usize, hash: u64) {
        self.put(item, hash);
        self.used += 1;
        let mask = self.slots.len() - 1;
        if self.used * 5 < mask * 3 {
            return;
        }
        let wanted = if self.used > 50_000 { self.used * 2 } else { self.used * 4 };
        let mut size = 8;
        while size <= wanted {
            size <<= 1;
        }
        for (item, hash) in std::mem::replace(&mut self.slots, vec![None; size]).into_iter().flatten() {
            self.put(item, hash);
        }
    }

    fn put(&mut self, item: usize, hash: u64) {
        let mask = self.slots.len() - 1;
        let (mut at, mut perturb) = (hash as usize & mask, hash);
        loop {
            let last = if at + PROBES <= mask { at + PROBES } else { at };
            if let Some(free) = (at..=last).find(|at| self.slots[*at].is_none()) {
                self.slots[free] = Some((item, hash));
                return;
            }
            perturb >>= PERTURB_SHIFT;
            at = at.wrapping_mul(5).wrapping_add(1).wrapping_add(perturb as usize) & mask;
        }
    }
}

/// `hash()` of a number.
fn hash(value: &Value) -> Option<u64> {
    let signed = match value {
        Value::Bool(flag) => i64::from(*flag),
        Value::Int(int) => of_integer(&BigInt::from(*int))?,
        Value::Big(int) => of_integer(int)?,
        Value::Float(float) => of_float(*float)?,
        _ => return None,
    };
    // Minus one says that there is an error, in C.
    Some(if signed == -1 { -2_i64 } else { signed } as u64)
}

fn of_integer(int: &BigInt) -> Option<i64> {
    let rest = (int.abs() % MODULUS).to_i64()?;
    Some(if int.sign() == Sign::Minus { -rest } else { rest })
}

fn of_float(float: f64) -> Option<i64> {
    if !float.is_finite() {
        return float.is_infinite().then_some(if float > 0.0 { 314_159 } else { -314_159 });
    }
    if float.fract() == 0.0 {
        return of_integer(&BigInt::from_f64(float)?);
    }
    // The mantissa between a half and one, and its exponent, taken 28 bits at a time.
    let mut exponent = 0_i32;
    let mut mantissa = float.abs();
    while mantissa >= 1.0 {
        mantissa /= 2.0;
        exponent += 1;
    }
    while mantissa < 0.5 {
        mantissa *= 2.0;
        exponent -= 1;
    }
    let turned = |x: u64, by: u32| if by == 0 { x } else { ((x << by) & MODULUS) | (x >> (61 - by)) };
    let mut x = 0_u64;
    while mantissa != 0.0 {
        mantissa *= f64::from(1 << 28);
        exponent -= 28;
        let part = mantissa.trunc();
        mantissa -= part;
        x = turned(x, 28) + part as u64;
        if x >= MODULUS {
            x -= MODULUS;
        }
    }
    let x = turned(x, exponent.rem_euclid(61) as u32) as i64;
    Some(if float < 0.0 { -x } else { x })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(items: &[f64]) -> Vec<f64> {
        let key = |item: &f64| {
            let value = if item.fract() == 0.0 { Value::Int(*item as i64) } else { Value::Float(*item) };
            Key::new(value).unwrap()
        };
        let number = |key: &Key| match key.get() {
            Value::Int(int) => *int as f64,
            Value::Float(float) => *float,
            _ => f64::NAN,
        };
        ordered(items.iter().map(key).collect()).iter().map(number).collect()
    }

    /// As CPython 3.11 shows the sets of these.
    #[test]
    fn numbers_stand_where_pythons_table_has_them() {
        assert_eq!(shown(&[3.0, 1.0, 2.0]), [1.0, 2.0, 3.0]);
        assert_eq!(shown(&[10.0, 20.0, 3.0, -1.0, -2.0, 8.0]), [3.0, 8.0, 10.0, 20.0, -2.0, -1.0]);
        assert_eq!(
            shown(&[100.0, 50.0, 7.0, 1000.0, 33.0, 16.0, 8.0, 24.0]),
            [33.0, 100.0, 7.0, 1000.0, 8.0, 16.0, 50.0, 24.0]
        );
        assert_eq!(shown(&[2.5, 1.0, -0.25, 3.0, 0.1]), [-0.25, 1.0, 2.5, 3.0, 0.1]);
        assert_eq!(
            shown(&[64.0, 32.0, 16.0, 8.0, 0.0, 128.0, 256.0, 512.0, 1024.0, 7.0]),
            [64.0, 32.0, 0.0, 128.0, 256.0, 512.0, 1024.0, 7.0, 8.0, 16.0]
        );
    }
}
