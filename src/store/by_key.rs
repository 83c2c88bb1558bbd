//! Connections whose statements look rows up by key, in tables of any size and age.
//!
//! Their plans are made once: to plan statements over arrays takes PostgreSQL longer than to run them, and left alone it
//! plans them each time anew. But a plan that is kept was made when tables were small or their statistics stale, would
//! read the whole table for each batch, and go on to while the table grows. So the one way that such statements need is
//! the one way they may look.

use sqlx::{Connection as _, Executor as _, PgConnection, PgPool, postgres::PgConnectOptions};

const SETTINGS: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
    SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off";

/// Connections of [`pool`]; they are opened when they are needed.
const POOLED: u32 = 2;

/// Opens one.
pub(super) async fn connect(options: &PgConnectOptions) -> sqlx::Result<PgConnection> {
    let mut connection = PgConnection::connect_with(options).await?;
    connection.execute(SETTINGS).await?;
    Ok(connection)
}

/// A few of them, to the database of another pool.
pub(super) fn pool(other: &PgPool) -> PgPool {
    let options = other.options().clone().max_connections(POOLED).min_connections(0);
    let options = options
        .after_connect(|connection, _| Box::pin(async move { connection.execute(SETTINGS).await.map(drop) }));
    options.connect_lazy_with((*other.connect_options()).clone())
}
