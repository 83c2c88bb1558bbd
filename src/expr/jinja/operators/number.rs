//! Arithmetic: integers of any size, floats, and division that rounds down.

use num_bigint::{BigInt, Sign};
use num_traits::{FromPrimitive, Pow, Signed, ToPrimitive, Zero};

use crate::expr::jinja::{
    budget::Budget,
    error::{Class, Error, Result},
    syntax::ast::Operator,
    value::Value,
};

/// A number; `True` and `False` are integers.
#[derive(Debug, Clone)]
pub(in super::super) enum Number {
    Small(i64),
    Big(BigInt),
    Float(f64),
}

/// What is plain to see of two small integers.
#[inline]
pub(in super::super) fn of_small(operator: Operator, a: i64, b: i64) -> Option<i64> {
    match operator {
        Operator::Add => a.checked_add(b),
        Operator::Sub => a.checked_sub(b),
        Operator::Mul => a.checked_mul(b),
        _ => None,
    }
}

impl Number {
    pub(in super::super) fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Bool(flag) => Self::Small(i64::from(*flag)),
            Value::Int(int) => Self::Small(*int),
            Value::Big(int) => Self::Big((**int).clone()),
            Value::Float(float) => Self::Float(*float),
            _ => return None,
        })
    }

    pub(in super::super) fn into_value(self) -> Value {
        match self {
            Self::Small(int) => Value::Int(int),
            Self::Big(int) => Value::int(int),
            Self::Float(float) => Value::Float(float),
        }
    }

    pub(in super::super) fn negated(self) -> Self {
        match self {
            Self::Small(int) => int.checked_neg().map_or_else(|| Self::Big(-BigInt::from(int)), Self::Small),
            Self::Big(int) => Self::Big(-int),
            Self::Float(float) => Self::Float(-float),
        }
    }

    pub(in super::super) fn absolute(self) -> Self {
        match self {
            Self::Small(int) if int < 0 => self.negated(),
            Self::Big(int) => Self::Big(int.abs()),
            Self::Float(float) => Self::Float(float.abs()),
            small @ Self::Small(_) => small,
        }
    }

    /// The integer this is; `None` for a float.
    pub(in super::super) fn integer(self) -> Option<BigInt> {
        match self {
            Self::Small(int) => Some(int.into()),
            Self::Big(int) => Some(int),
            Self::Float(_) => None,
        }
    }

    /// The number as a float.
    pub(in super::super) fn float(&self) -> Result<f64> {
        match self {
            Self::Small(int) => Ok(*int as f64),
            Self::Big(int) => float_of(int),
            Self::Float(float) => Ok(*float),
        }
    }

    fn is_zero(&self) -> bool {
        match self {
            Self::Small(int) => *int == 0,
            Self::Big(int) => int.is_zero(),
            Self::Float(float) => *float == 0.0,
        }
    }
}

/// `float(int)`.
pub(in super::super) fn float_of(int: &BigInt) -> Result<f64> {
    int.to_f64()
        .filter(|float| float.is_finite())
        .ok_or_else(|| Error::new(Class::OverflowError, "int too large to convert to float"))
}

pub(super) fn arithmetic(operator: Operator, a: Number, b: Number, budget: &mut Budget) -> Result<Value> {
    if let (Number::Small(a), Number::Small(b)) = (&a, &b)
        && let Some(value) = small(operator, *a, *b)
    {
        return Ok(value);
    }
    if b.is_zero() && matches!(operator, Operator::Div | Operator::FloorDiv | Operator::Mod) {
        let is_float = matches!(a, Number::Float(_)) || matches!(b, Number::Float(_));
        return Err(Error::new(
            Class::ZeroDivisionError,
            match (operator, is_float) {
                (Operator::Div, true) => "float division by zero",
                (Operator::Div, false) => "division by zero",
                (Operator::FloorDiv, true) => "float floor division by zero",
                (_, true) => "float modulo",
                (Operator::FloorDiv, false) => "integer division or modulo by zero",
                (_, false) => "integer modulo by zero",
            },
        ));
    }
    match (a, b) {
        (Number::Float(a), b) => floats(operator, a, b.float()?),
        (a, Number::Float(b)) => floats(operator, a.float()?, b),
        (a, b) => integers(operator, a, b, budget),
    }
}

/// What fits into 64 bits all the way.
fn small(operator: Operator, a: i64, b: i64) -> Option<Value> {
    Some(Value::Int(match operator {
        Operator::Add => a.checked_add(b)?,
        Operator::Sub => a.checked_sub(b)?,
        Operator::Mul => a.checked_mul(b)?,
        Operator::FloorDiv => {
            let (quotient, rest) = (a.checked_div(b)?, a.checked_rem(b)?);
            if rest != 0 && (rest < 0) != (b < 0) { quotient - 1 } else { quotient }
        }
        Operator::Mod => {
            let rest = a.checked_rem(b)?;
            if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }
        }
        Operator::Pow => a.checked_pow(u32::try_from(b).ok()?)?,
        Operator::Div => return None,
    }))
}

fn integers(operator: Operator, a: Number, b: Number, budget: &mut Budget) -> Result<Value> {
    let (Some(a), Some(b)) = (a.integer(), b.integer()) else { return Ok(Value::None) };
    let words = |int: &BigInt| int.bits() / 64 + 1;
    budget.pay(words(&a).saturating_mul(words(&b)) / 16)?;
    Ok(Value::int(match operator {
        Operator::Add => a + b,
        Operator::Sub => a - b,
        Operator::Mul => a * b,
        Operator::Div => return divide(&a, &b).map(Value::Float),
        Operator::FloorDiv => floor_divide(&a, &b).0,
        Operator::Mod => floor_divide(&a, &b).1,
        Operator::Pow => return power(&a, &b, budget),
    }))
}

fn floor_divide(a: &BigInt, b: &BigInt) -> (BigInt, BigInt) {
    let (quotient, rest) = (a / b, a % b);
    if !rest.is_zero() && rest.sign() != b.sign() { (quotient - 1, rest + b) } else { (quotient, rest) }
}

/// The most bits a power may have: what is longer could not be printed by far.
const MAX_POWER_BITS: u64 = 1 << 17;

fn power(a: &BigInt, b: &BigInt, budget: &mut Budget) -> Result<Value> {
    if b.sign() == Sign::Minus {
        if a.is_zero() {
            return Err(Error::new(Class::ZeroDivisionError, "0.0 cannot be raised to a negative power"));
        }
        return Ok(Value::Float(float_of(a)?.powf(float_of(b)?)));
    }
    let is_unit = a.bits() <= 1;
    let exponent = match (b.to_u32(), is_unit) {
        (Some(exponent), _) => exponent,
        // Powers of 0, 1 and -1 depend on nothing but whether the exponent is even.
        (None, true) => u32::from(b.bit(0)) + 2,
        (None, false) => return Err(Error::limit("the power is too large")),
    };
    let bits = a.bits().saturating_mul(u64::from(exponent));
    if bits > MAX_POWER_BITS && !is_unit {
        return Err(Error::limit("the power is too large"));
    }
    budget.pay(bits / 64 + (bits / 512).saturating_mul(bits / 512))?;
    Ok(Value::int(Pow::pow(a, exponent)))
}

/// `a / b`, rounded once.
fn divide(a: &BigInt, b: &BigInt) -> Result<f64> {
    const EXACT: u64 = 53;
    if a.bits() <= EXACT && b.bits() <= EXACT {
        return Ok(float_of(a)? / float_of(b)?);
    }
    // Scale so that the quotient has more bits than a float keeps; a last bit that says "and more" makes
    // the final rounding right.
    let shift = 66 + b.bits() as i64 - a.bits() as i64;
    let (a_scaled, b_scaled) =
        if shift > 0 { (a << shift as u64, b.clone()) } else { (a.clone(), b << shift.unsigned_abs()) };
    let (quotient, rest) = (&a_scaled / &b_scaled, &a_scaled % &b_scaled);
    let sticky: BigInt = if rest.is_zero() { quotient << 1u32 } else { (quotient << 1u32) | BigInt::from(1) };
    let magnitude = sticky.to_f64().unwrap_or(f64::INFINITY);
    let value = scale(magnitude, -(shift + 1));
    if value.is_finite() {
        return Ok(value);
    }
    Err(Error::new(Class::OverflowError, "integer division result too large for a float"))
}

/// `value * 2**exponent`, in steps that cannot overflow on the way.
fn scale(mut value: f64, mut exponent: i64) -> f64 {
    while exponent != 0 {
        let step = exponent.clamp(-1000, 1000);
        value *= 2f64.powi(step as i32);
        exponent -= step;
        if value == 0.0 || value.is_infinite() {
            break;
        }
    }
    value
}

fn floats(operator: Operator, a: f64, b: f64) -> Result<Value> {
    Ok(Value::Float(match operator {
        Operator::Add => a + b,
        Operator::Sub => a - b,
        Operator::Mul => a * b,
        Operator::Div => a / b,
        Operator::FloorDiv => {
            let rest = a % b;
            let differs = rest != 0.0 && (b < 0.0) != (rest < 0.0);
            let quotient = (a - rest) / b - if differs { 1.0 } else { 0.0 };
            let floor = quotient.floor();
            match quotient {
                0.0 => 0f64.copysign(a / b),
                quotient if quotient - floor > 0.5 => floor + 1.0,
                _ => floor,
            }
        }
        Operator::Mod => modulo(a, b),
        Operator::Pow => {
            if a == 0.0 && b < 0.0 {
                return Err(Error::new(Class::ZeroDivisionError, "0.0 cannot be raised to a negative power"));
            }
            if a < 0.0 && b.fract() != 0.0 && b.is_finite() {
                return Err(Error::of_value("negative number cannot be raised to a fractional power"));
            }
            let power = a.powf(b);
            if power.is_infinite() && a.is_finite() && b.is_finite() {
                return Err(Error::new(Class::OverflowError, "(34, 'Numerical result out of range')"));
            }
            power
        }
    }))
}

/// The rest has the sign of the divisor.
fn modulo(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest == 0.0 {
        return 0f64.copysign(b);
    }
    if (rest < 0.0) == (b < 0.0) { rest } else { rest + b }
}

/// An integer rounded to `digits` places before the point: half goes to the even one.
pub(in super::super) fn round_half_even(int: &BigInt, digits: u32) -> BigInt {
    let unit = Pow::pow(BigInt::from(10), digits);
    let (quotient, rest) = floor_divide(int, &unit);
    let twice: BigInt = rest * 2;
    let up = match twice.cmp(&unit) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => quotient.bit(0),
        std::cmp::Ordering::Less => false,
    };
    (quotient + i32::from(up)) * unit
}

impl Number {
    /// `int(number)`.
    pub(in super::super) fn truncated(self) -> Result<Value> {
        match self {
            Self::Float(float) if float.is_nan() => {
                Err(Error::of_value("cannot convert float NaN to integer"))
            }
            Self::Float(float) if float.is_infinite() => {
                Err(Error::new(Class::OverflowError, "cannot convert float infinity to integer"))
            }
            Self::Float(float) => Ok(BigInt::from_f64(float.trunc()).map_or(Value::Int(0), Value::int)),
            other => Ok(other.into_value()),
        }
    }
}
