//! Packs, and what was registered of them last.

use super::{Result, Tx, actions::text};
use crate::{
    bus::Event,
    model::{Pack, PackId},
};
use serde_json::{Map, Value};
use sqlx::{PgExecutor, types::Json};
use std::collections::HashMap;

/// Columns as they are kept.
struct PackRow {
    id: PackId,
    reference: String,
    manifest: Json<Map<String, Value>>,
    path: String,
    files: Vec<String>,
}

impl From<PackRow> for Pack {
    fn from(row: PackRow) -> Self {
        Self {
            id: row.id,
            reference: row.reference,
            manifest: row.manifest.0,
            path: row.path,
            files: row.files,
        }
    }
}

/// `SELECT` of whole rows, and what follows it.
macro_rules! select {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            PackRow,
            r#"SELECT id AS "id: PackId", ref AS reference, manifest AS "manifest: Json<Map<String, Value>>",
                path, files
            FROM packs "# + $rest
            $(, $argument)*
        )
    };
}

/// The pack of this reference, if there is one.
pub async fn find(db: impl PgExecutor<'_>, reference: &str) -> Result<Option<Pack>> {
    let row = select!("WHERE ref = $1", reference).fetch_optional(db).await?;
    Ok(row.map(Pack::from))
}

/// The pack of this id, if there is one.
pub async fn find_by_id(db: impl PgExecutor<'_>, id: PackId) -> Result<Option<Pack>> {
    Ok(list_by_ids(db, &[id]).await?.pop())
}

/// The packs of these ids, in the order of the ids.
pub async fn list_by_ids(db: impl PgExecutor<'_>, ids: &[PackId]) -> Result<Vec<Pack>> {
    let rows = select!(
        "JOIN unnest($1::bytea[]) WITH ORDINALITY AS wanted (wanted_id, place) ON id = wanted_id ORDER BY place",
        ids as _
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(Pack::from).collect())
}

/// Registers a pack; one that is there keeps its id. Returns the id it has.
pub async fn upsert(tx: &mut Tx, pack: &Pack) -> Result<PackId> {
    let id = sqlx::query_scalar!(
        r#"INSERT INTO packs (id, ref, manifest, path, files) VALUES ($1, $2, $3::text::json, $4, $5)
        ON CONFLICT (ref) DO UPDATE
            SET manifest = excluded.manifest, path = excluded.path, files = excluded.files
        RETURNING id AS "id: PackId""#,
        pack.id as _,
        pack.reference,
        text(&pack.manifest),
        pack.path,
        &pack.files,
    )
    .fetch_one(tx.conn())
    .await?;
    tx.emit(Event::Content);
    Ok(id)
}

/// Adds to the files a pack is known to have.
pub async fn add_files(tx: &mut Tx, reference: &str, files: &[String]) -> Result<()> {
    sqlx::query!(
        "UPDATE packs SET files = ARRAY(SELECT DISTINCT file FROM unnest(files || $2) AS file ORDER BY file)
        WHERE ref = $1",
        reference,
        files,
    )
    .execute(tx.conn())
    .await?;
    tx.emit(Event::Content);
    Ok(())
}

/// Removes a pack, not its content. `false`: there is none of this id.
pub async fn delete(tx: &mut Tx, id: PackId) -> Result<bool> {
    let reference = sqlx::query_scalar!(r#"DELETE FROM packs WHERE id = $1 RETURNING ref"#, id as _)
        .fetch_optional(tx.conn())
        .await?;
    let Some(reference) = reference else { return Ok(false) };
    // It is to be registered in full if it ever comes back.
    forget_fingerprint(tx, &format!("pack:{reference}")).await?;
    tx.emit(Event::Content);
    Ok(true)
}

/// What was registered last, by subject: `runners`, or `pack:` and a pack's reference.
pub async fn fingerprints(db: impl PgExecutor<'_>) -> Result<HashMap<String, Vec<u8>>> {
    let rows = sqlx::query!("SELECT subject, fingerprint FROM content_fingerprints").fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| (row.subject, row.fingerprint)).collect())
}

/// Remembers what was registered of a subject.
pub async fn set_fingerprint(tx: &mut Tx, subject: &str, fingerprint: &[u8]) -> Result<()> {
    sqlx::query!(
        "INSERT INTO content_fingerprints (subject, fingerprint) VALUES ($1, $2)
        ON CONFLICT (subject) DO UPDATE SET fingerprint = excluded.fingerprint",
        subject,
        fingerprint,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Forgets what was registered of a subject: it will be registered again.
pub async fn forget_fingerprint(tx: &mut Tx, subject: &str) -> Result<()> {
    sqlx::query!("DELETE FROM content_fingerprints WHERE subject = $1", subject).execute(tx.conn()).await?;
    Ok(())
}

/// Something that was registered from a file.
#[derive(Clone, Debug)]
pub struct Registered {
    /// `action`, `rule`…
    pub kind: String,
    /// Pack ref.
    pub pack: String,
    /// Its reference.
    pub reference: String,
    /// The file, relative to its pack.
    pub file: String,
    /// Where its pack lies, if that is registered.
    pub path: Option<String>,
}

/// Everything that was registered from a file.
pub async fn registered(db: impl PgExecutor<'_>) -> Result<Vec<Registered>> {
    let rows = sqlx::query_file_as!(Registered, "src/store/sql/content_registered.sql").fetch_all(db).await?;
    Ok(rows)
}

/// References of the registered packs, and where they lie.
pub async fn paths(db: impl PgExecutor<'_>) -> Result<Vec<(String, String)>> {
    let rows = sqlx::query!("SELECT ref, path FROM packs ORDER BY ref").fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| (row.r#ref, row.path)).collect())
}

/// Removes content of a kind (`action`, `rule`…) by reference, and the triggers that go with it.
pub async fn remove_content(tx: &mut Tx, kind: &str, references: &[String]) -> Result<u64> {
    if references.is_empty() {
        return Ok(0);
    }
    let conn = tx.conn();
    let deleted = match kind {
        "trigger" => {
            sqlx::query!("DELETE FROM triggers WHERE type = ANY($1) AND NOT for_rules", references)
                .execute(&mut *conn)
                .await?;
            sqlx::query!("DELETE FROM trigger_types WHERE ref = ANY($1)", references).execute(conn).await?
        }
        "sensor" => sqlx::query!("DELETE FROM sensors WHERE ref = ANY($1)", references).execute(conn).await?,
        "action" => sqlx::query!("DELETE FROM actions WHERE ref = ANY($1)", references).execute(conn).await?,
        "alias" => sqlx::query!("DELETE FROM aliases WHERE ref = ANY($1)", references).execute(conn).await?,
        "policy" => {
            sqlx::query!("DELETE FROM policies WHERE ref = ANY($1)", references).execute(conn).await?
        }
        "rule" => {
            let triggers = super::rules::triggers_of(&mut *conn, references).await?;
            let deleted =
                sqlx::query!("DELETE FROM rules WHERE ref = ANY($1)", references).execute(conn).await?;
            super::triggers::drop_unused(tx, &triggers).await?;
            deleted
        }
        _ => return Ok(0),
    };
    tx.emit(Event::Content);
    Ok(deleted.rows_affected())
}

/// Removes everything that belongs to a pack but its own row, whether it came from a file or not.
pub async fn remove_all_content(tx: &mut Tx, pack: &str) -> Result<()> {
    for kind in ["sensor", "trigger", "action", "rule", "alias", "policy"] {
        let references = sqlx::query_scalar!(
            r#"SELECT ref AS "ref!" FROM (
                SELECT 'sensor' AS kind, pack, ref FROM sensors
                UNION ALL SELECT 'trigger', pack, ref FROM trigger_types
                UNION ALL SELECT 'action', pack, ref FROM actions
                UNION ALL SELECT 'rule', pack, ref FROM rules
                UNION ALL SELECT 'alias', pack, ref FROM aliases
                UNION ALL SELECT 'policy', pack, ref FROM policies
            ) AS content WHERE kind = $1 AND pack = $2"#,
            kind,
            pack
        )
        .fetch_all(tx.conn())
        .await?;
        remove_content(tx, kind, &references).await?;
    }
    super::configs::delete_of_pack(tx, pack).await
}

/// Lets one registration at a time write: two that go through the same rows in another order would wait for each
/// other.
pub async fn lock_registration(tx: &mut Tx) -> Result<()> {
    /// "st2 content", as good as any number.
    const LOCK: i64 = 0x7374_3263_6f6e_7465;
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", LOCK).fetch_one(tx.conn()).await?;
    Ok(())
}
