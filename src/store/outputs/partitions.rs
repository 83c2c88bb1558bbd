//! Partitions by day: made ahead of time, dropped whole when they are too old.

use crate::store::{Result, Tx};
use chrono::{Days, NaiveDate};

/// Makes the partitions of `today` and the `ahead` days after it. Those that exist stay; a day of which rows lie in
/// the default partition already (the collector did not run in time) stays there.
pub async fn ensure_partitions(tx: &mut Tx, today: NaiveDate, ahead: u64) -> Result<()> {
    for offset in 0..=ahead {
        let Some((day, next)) =
            today.checked_add_days(Days::new(offset)).zip(today.checked_add_days(Days::new(offset + 1)))
        else {
            break;
        };
        let taken = sqlx::query_scalar!(
            r#"SELECT to_regclass($1) IS NOT NULL
                   OR EXISTS (SELECT FROM execution_output_default WHERE day = $2) AS "is!""#,
            name(day),
            day
        )
        .fetch_one(tx.conn())
        .await?;
        if !taken {
            // Names and bounds cannot be parameters; both are made of a date and hold digits only.
            let statement = format!(
                "CREATE TABLE IF NOT EXISTS {} PARTITION OF execution_output FOR VALUES FROM ('{day}') TO ('{next}')",
                name(day)
            );
            sqlx::query(&statement).execute(tx.conn()).await?;
        }
    }
    Ok(())
}

/// Drops what was printed before `day`; answers how many partitions went.
pub async fn drop_before(tx: &mut Tx, day: NaiveDate) -> Result<usize> {
    let partitions = sqlx::query_scalar!(
        r#"SELECT c.relname::text AS "name!" FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
           WHERE i.inhparent = 'execution_output'::regclass"#
    )
    .fetch_all(tx.conn())
    .await?;
    let mut dropped = 0;
    for partition in partitions {
        if day_of(&partition).is_some_and(|its| its < day) {
            sqlx::query(&format!("DROP TABLE IF EXISTS {partition}")).execute(tx.conn()).await?;
            dropped += 1;
        }
    }
    sqlx::query!("DELETE FROM execution_output_default WHERE day < $1", day).execute(tx.conn()).await?;
    Ok(dropped)
}

fn name(day: NaiveDate) -> String {
    day.format("execution_output_%Y%m%d").to_string()
}

fn day_of(partition: &str) -> Option<NaiveDate> {
    let digits = partition.strip_prefix("execution_output_")?;
    NaiveDate::parse_from_str(digits, "%Y%m%d").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_their_day() {
        let day = NaiveDate::from_ymd_opt(2026, 1, 5).unwrap();
        assert_eq!(name(day), "execution_output_20260105");
        assert_eq!(day_of(&name(day)), Some(day));
        assert_eq!(day_of("execution_output_default"), None);
    }
}
