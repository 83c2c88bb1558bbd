//! Output written and read on a real database.

use super::*;
use crate::{
    bus::{Bus, OutputKind},
    store::{Store, executions::advance},
};
use chrono::NaiveDate;
use sqlx::PgPool;

fn chunk(id: ExecutionId, byte_from: i64, line_from: i64, lines: &[(&[u8], OutputKind)]) -> OutputChunk {
    let mut chunk = OutputChunk {
        execution_id: id,
        byte_from,
        line_from,
        data: Vec::new(),
        line_ends: Vec::new(),
        line_kinds: Vec::new(),
        line_stamps: Vec::new(),
        room: Room::default(),
    };
    for (line, kind) in lines {
        chunk.data.extend_from_slice(line);
        chunk.line_ends.push(chunk.data.len() as i32);
        chunk.line_kinds.push(kind.code());
        chunk.line_stamps.push(id.requested_at().timestamp_micros());
    }
    chunk
}

fn texts(lines: &Lines) -> Vec<(u64, u64, OutputKind, Vec<u8>)> {
    lines.iter().map(|line| (line.number, line.byte_end, line.kind, line.data.to_vec())).collect()
}

#[sqlx::test]
async fn chunks_read_back_from_any_byte_or_line(pool: PgPool) {
    use OutputKind::{Stderr, Stdout};
    let (one, other) = (ExecutionId::generate(), ExecutionId::generate());
    let chunks = [
        chunk(one, 0, 0, &[(b"a\n", Stdout), (b"\0\xff\n", Stderr)]),
        chunk(other, 0, 0, &[(b"other\n", Stdout)]),
        chunk(one, 5, 2, &[(b"c\n", Stdout)]),
    ];
    let mut connection = pool.acquire().await.unwrap();
    advance(&mut connection, std::iter::empty(), &chunks).await.unwrap();
    // Written again after a commit in doubt: nothing doubles.
    advance(&mut connection, std::iter::empty(), &chunks).await.unwrap();

    let all = read_from_byte(&pool, one, 0).await.unwrap();
    let (a, b, c) = (
        (0, 2, Stdout, b"a\n".to_vec()),
        (1, 5, Stderr, b"\0\xff\n".to_vec()),
        (2, 7, Stdout, b"c\n".to_vec()),
    );
    assert_eq!(texts(&all), [a.clone(), b.clone(), c.clone()]);
    assert_eq!((all.byte_end(), all.next_line()), (Some(7), Some(3)));
    assert_eq!(ends(&pool, one).await.unwrap(), (7, 3));
    assert_eq!(texts(&read_from_byte(&pool, one, 4).await.unwrap()), [a, b, c.clone()]);
    assert_eq!(texts(&read_from_byte(&pool, one, 5).await.unwrap()), std::slice::from_ref(&c));
    assert!(read_from_byte(&pool, one, 7).await.unwrap().is_empty());
    assert_eq!(texts(&read_from_line(&pool, one, 2, 0).await.unwrap()), [c]);
    assert!(read_from_line(&pool, one, 3, 0).await.unwrap().is_empty());
    assert_eq!(ends(&pool, ExecutionId::generate()).await.unwrap(), (0, 0));
}

#[sqlx::test]
async fn old_days_go_with_their_partitions(pool: PgPool) {
    let store = Store::new(pool.clone(), Bus::default());
    let now = ExecutionId::generate();
    let today = now.requested_at().date_naive();
    let old = ExecutionId(crate::model::ObjectId::at(now.requested_at() - chrono::Days::new(9)));
    for _ in 0..2 {
        let mut tx = store.begin().await.unwrap();
        ensure_partitions(&mut tx, today - chrono::Days::new(9), 10).await.unwrap();
        tx.commit().await.unwrap();
    }
    let mut connection = pool.acquire().await.unwrap();
    let lines: &[(&[u8], OutputKind)] = &[(b"x\n", OutputKind::Stdout)];
    advance(&mut connection, std::iter::empty(), &[chunk(old, 0, 0, lines), chunk(now, 0, 0, lines)])
        .await
        .unwrap();
    let mut tx = store.begin().await.unwrap();
    assert_eq!(drop_before(&mut tx, today - chrono::Days::new(7)).await.unwrap(), 2);
    tx.commit().await.unwrap();
    assert!(read_from_byte(&pool, old, 0).await.unwrap().is_empty());
    assert_eq!(texts(&read_from_byte(&pool, now, 0).await.unwrap()).len(), 1);
}

#[sqlx::test]
async fn a_day_without_a_partition_is_kept_and_dropped_all_the_same(pool: PgPool) {
    let store = Store::new(pool.clone(), Bus::default());
    let id = ExecutionId::generate();
    let today = id.requested_at().date_naive();
    let mut connection = pool.acquire().await.unwrap();
    advance(&mut connection, std::iter::empty(), &[chunk(id, 0, 0, &[(b"x\n", OutputKind::Stdout)])])
        .await
        .unwrap();
    let mut tx = store.begin().await.unwrap();
    ensure_partitions(&mut tx, today, 1).await.unwrap();
    assert_eq!(drop_before(&mut tx, NaiveDate::MAX).await.unwrap(), 1);
    tx.commit().await.unwrap();
    assert!(read_from_byte(&pool, id, 0).await.unwrap().is_empty());
}
