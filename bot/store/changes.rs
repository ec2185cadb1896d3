//! Which images of the catalog changed: so that who holds it in memory reads no more than that again.

use std::collections::BTreeSet;

use gantry_core::ids::ImageName;
use sqlx::{Any, AssertSqlSafe, Row, Transaction};

use super::{
    CatalogChanges, Result, SqlStore,
    catalog::{CHUNK, places},
    rows,
};

impl SqlStore {
    /// Notes that the rows of these images are changed by the transaction. Called last in it: the counter's row
    /// stays locked from here on.
    pub(super) async fn note_change(
        &self,
        transaction: &mut Transaction<'static, Any>,
        images: &BTreeSet<&ImageName>,
    ) -> Result<()> {
        if images.is_empty() {
            return Ok(());
        }
        let number = self.draw(transaction, "catalog").await?;
        let images: Vec<&ImageName> = images.iter().copied().collect();
        for chunk in images.chunks(CHUNK) {
            let sql = format!(
                "INSERT INTO catalog_change (image, change_number) VALUES {} \
                 ON CONFLICT (image) DO UPDATE SET change_number = excluded.change_number",
                places(chunk.len(), 2)
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for image in chunk {
                query = query.bind(image.as_str()).bind(number);
            }
            query.execute(&mut **transaction).await.map_err(|error| self.sort(error))?;
        }
        Ok(())
    }

    pub(super) async fn changed_since(&self, after: Option<i64>) -> Result<CatalogChanges> {
        let Some(after) = after else {
            let row =
                sqlx::query("SELECT last FROM counter WHERE name = 'catalog'").fetch_one(&self.read).await;
            let last = row.and_then(|row| row.try_get(0)).map_err(|error| self.sort(error))?;
            return Ok(CatalogChanges { last, images: Vec::new() });
        };
        let found = sqlx::query(
            "SELECT image, change_number FROM catalog_change WHERE change_number > $1 ORDER BY change_number",
        )
        .bind(after)
        .fetch_all(&self.read)
        .await
        .map_err(|error| self.sort(error))?;
        let mut changes = CatalogChanges { last: after, images: Vec::with_capacity(found.len()) };
        for row in &found {
            let image = rows::id(row, 0).map_err(|error| self.sort(error))?;
            changes.last = row.try_get(1).map_err(|error| self.sort(error))?;
            changes.images.push(image);
        }
        Ok(changes)
    }
}
