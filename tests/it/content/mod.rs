//! Packs on disk become rows.

mod broken;
mod corpus_of_faults;
mod kinds;
mod metadata;
mod recorded;
mod register;
mod rows;
mod shipped;
mod timing;
mod virtualenv;

use crate::support::postgres::TestDatabase;
use sqlx::PgPool;
use st2d::{
    bus::Bus,
    config::Config,
    content::{self, Report, Scope},
    model::{Action, ActionId},
    store::{
        self, Store,
        listing::{self, Condition, Listing},
    },
};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

/// A store, and a directory of packs to fill.
pub(super) struct Content {
    // Before the database, which cannot be dropped under it.
    pub(super) store: Store,
    pub(super) config: Config,
    pub(super) directory: TempDir,
    _database: TestDatabase,
}

impl Content {
    pub(super) async fn new() -> Self {
        let database = TestDatabase::new();
        let pool = PgPool::connect(&database.url()).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let config = Config { data_dir: directory.path().to_owned(), ..Config::default() };
        Self { store: Store::new(pool, Bus::default()), config, directory, _database: database }
    }

    /// Writes a file of a pack.
    pub(super) fn write(&self, path: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.directory.path().join("packs").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Writes a manifest that is good.
    pub(super) fn pack(&self, name: &str) {
        let manifest = format!("name: {name}\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.cz\n");
        self.write(&format!("{name}/pack.yaml"), manifest);
    }

    /// The actions registered of a pack, by id.
    pub(super) async fn actions_of(&self, pack: &str) -> Vec<Action> {
        let mut conn = self.store.pool().acquire().await.unwrap();
        let listing = Listing {
            table: "actions",
            conditions: vec![Condition::Text("pack", pack.to_owned())],
            order: Vec::new(),
            limit: None,
            offset: 0,
        };
        let page = listing::page(&mut conn, &listing).await.unwrap();
        let ids: Vec<_> = page.ids.into_iter().map(ActionId).collect();
        store::actions::list_by_ids(&mut *conn, &ids).await.unwrap()
    }

    /// Registers what changed.
    pub(super) async fn start(&self) -> Report {
        content::register_all(&self.store, &self.config).await.unwrap()
    }

    /// Registers one pack in full.
    pub(super) async fn register(&self, pack: &str) -> Report {
        let scope = Scope::packs([pack]);
        content::register(&self.store, &self.config, &scope).await.unwrap()
    }
}
