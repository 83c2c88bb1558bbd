//! Booleans, and choices between expressions.

use crate::expr::yaql::{lazy, overload::Row, value::Value};

pub(super) const ROWS: &[Row] = &[
    ("F", "bool", "value", |call| Ok(Value::Bool(call.args[0].truthy()))),
    ("F", "isBoolean", "value", |call| Ok(Value::Bool(matches!(call.args[0], Value::Bool(_))))),
    ("F!", "switch", "*LRule", |call| {
        for rule in &call.rest {
            if let Value::Rule(rule) = rule
                && let (Value::Lambda(condition), Value::Lambda(answer)) = (&rule.0, &rule.1)
                && condition.call_in(call.rt, &call.context)?.truthy()
            {
                return answer.call_in(call.rt, &call.context);
            }
        }
        Ok(Value::Null)
    }),
    ("F", "selectCase", "*L", |call| {
        for (index, case) in call.rest.iter().enumerate() {
            if called(call.rt, case)?.truthy() {
                return Ok(Value::Int(index as i64));
            }
        }
        Ok(Value::Int(call.rest.len() as i64))
    }),
    ("F", "selectAllCases", "*L", |call| {
        let cases = std::mem::take(&mut call.rest);
        let mut at = 0;
        lazy::lazy_value(&cases.clone().iter().collect::<Vec<_>>(), move |rt| {
            while let Some(case) = cases.get(at) {
                at += 1;
                if called(rt, case)?.truthy() {
                    return Ok(Some(Value::Int(at as i64 - 1)));
                }
            }
            Ok(None)
        })
    }),
    ("F", "examine", "*L", |call| {
        let cases = std::mem::take(&mut call.rest);
        let mut at = 0;
        lazy::lazy_value(&cases.clone().iter().collect::<Vec<_>>(), move |rt| {
            at += 1;
            cases.get(at - 1).map(|case| Ok(Value::Bool(called(rt, case)?.truthy()))).transpose()
        })
    }),
    ("M", "switchCase", "case:I *L", |call| {
        let index = usize::try_from(call.int(0)).unwrap_or(usize::MAX);
        match call.rest.get(index).or(call.rest.last()) {
            Some(case) => called(call.rt, case),
            None => Ok(Value::Null),
        }
    }),
    ("F", "coalesce", "*L", |call| {
        for case in &call.rest {
            let value = called(call.rt, case)?;
            if !matches!(value, Value::Null) {
                return Ok(value);
            }
        }
        Ok(Value::Null)
    }),
];

fn called(
    rt: &crate::expr::yaql::runtime::Runtime<'_>,
    case: &Value,
) -> crate::expr::yaql::error::Result<Value> {
    if let Value::Lambda(lambda) = case { lambda.call(rt, &[]) } else { Ok(case.clone()) }
}
