//! The search over everything that was said: how its database is fed from a conversation's log, and how it is asked.
//!
//! The database holds the words and where they stand, not the messages: those are read from the history. Each document
//! has a number that grows in the order in which messages came in, so that newest first needs no sorting. A word of
//! its own stands for each conversation, so that a search in a few rooms reads the index of those alone.

mod question;

pub use question::Question;

use crate::sql::{Statement, Value};
use moltghost_protocol::moltnet::id::fingerprint;

/// Takes the words of messages in that lie beyond the database's mark, provided that nothing is missing in between.
const PASSAGES: &str = "INSERT INTO passage (rowid, words, place)
    SELECT (SELECT coalesce(max(id), 0) FROM document) + row_number() OVER (ORDER BY e.key),
           (SELECT group_concat(concat_ws(' ', p.value ->> '$.text', p.value ->> '$.filename'), ' ')
            FROM json_each(e.value, '$[5].parts') p),
           ?2
    FROM json_each(?3) e, (SELECT coalesce((SELECT offset FROM mark WHERE conversation = ?1), 0) AS offset) m
    WHERE m.offset >= ?4 AND e.value ->> 0 > m.offset AND e.value ->> 1 = 'message.created'";
const DOCUMENTS: &str = "INSERT OR FAIL INTO document (id, conversation, offset)
    SELECT (SELECT coalesce(max(id), 0) FROM document) + row_number() OVER (ORDER BY e.key), ?1, e.value ->> 0
    FROM json_each(?2) e, (SELECT coalesce((SELECT offset FROM mark WHERE conversation = ?1), 0) AS offset) m
    WHERE m.offset >= ?3 AND e.value ->> 0 > m.offset AND e.value ->> 1 = 'message.created'";
const REMOVED: &str = "INSERT INTO removed (conversation)
    SELECT ?1 FROM json_each(?2) e WHERE e.value ->> 1 = 'room.removed' ON CONFLICT DO NOTHING";
const MARK: &str = "INSERT INTO mark (conversation, offset)
    SELECT ?1, ?2 WHERE coalesce((SELECT offset FROM mark WHERE conversation = ?1), 0) BETWEEN ?3 AND ?2
    ON CONFLICT (conversation) DO UPDATE SET offset = excluded.offset";
const STANDS: &str = "SELECT coalesce((SELECT offset FROM mark WHERE conversation = ?1), 0) AS offset";

const FIND: &str = "SELECT d.id, d.conversation, d.offset FROM passage p JOIN document d ON d.id = p.rowid
    WHERE passage MATCH ?1 AND p.rowid < ?2 AND (?3 IS NULL OR d.conversation IN (SELECT value FROM json_each(?3)))
    AND d.conversation NOT IN (SELECT conversation FROM removed)
    AND (?5 = 1 OR d.conversation NOT LIKE 'dm:%')
    ORDER BY p.rowid DESC LIMIT ?4";
const BODIES: &str = "SELECT h.conversation, h.offset, h.body FROM json_each(?1) e
    JOIN history h ON h.conversation = e.value ->> 0 AND h.offset = e.value ->> 1 ORDER BY e.key";

/// Most conversations that are named in the question itself. Beyond that all are searched and the rest left out.
const MAX_PLACES: usize = 200;

/// The word that stands for a conversation in the index.
pub(crate) fn place_word(conversation: &str) -> String {
    format!("c{:013x}", fingerprint(conversation))
}

/// The transaction that takes entries of a conversation's log in, those after `from` up to `to`: a JSON array of
/// `[offset, kind, thread, id, at, body]`. The last statement answers how far the database is then.
pub fn feed(conversation: &str, entries: &str, from: u64, to: u64) -> Vec<Statement> {
    let (name, entries) = (Value::from(conversation), Value::from(entries));
    let word = place_word(conversation);
    // Hardly ever among them, and all of them would be read for it.
    let removed =
        entries.text().contains("room.removed").then(|| (REMOVED, vec![name.clone(), entries.clone()]));
    let mut statements = vec![
        (PASSAGES, vec![name.clone(), word.into(), entries.clone(), from.into()]),
        (DOCUMENTS, vec![name.clone(), entries, from.into()]),
    ];
    statements.extend(removed);
    statements.extend([(MARK, vec![name.clone(), to.into(), from.into()]), (STANDS, vec![name])]);
    statements
}

/// Most conversations that [`CONVERSATIONS`] is asked for at once.
pub const BATCH: usize = 200;

/// Conversations of the history with a name after `?1`, in the order of their names, `?2` at most.
pub const CONVERSATIONS: &str =
    "SELECT conversation FROM history_mark WHERE conversation > ?1 ORDER BY conversation LIMIT ?2";

/// Where a search looks.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// Names of the conversations; `None`: all.
    pub conversations: Option<&'a [String]>,
    /// Whether direct conversations are among them.
    pub direct: bool,
}

/// Asks for documents with a number below `before`, the newest first, `limit` at most. Rows are `id`,
/// `conversation`, `offset`.
pub fn find(question: &Question, places: Places<'_>, before: Option<u64>, limit: u32) -> Statement {
    let direct = i64::from(places.direct);
    let places = places.conversations;
    let words = question.expression();
    let expression = match places {
        Some(places) if (1..=MAX_PLACES).contains(&places.len()) => {
            let places: Vec<String> = places.iter().map(|place| place_word(place)).collect();
            format!("words : ({words}) AND place : ({})", places.join(" OR "))
        }
        _ => format!("words : ({words})"),
    };
    let places = places.map(|places| serde_json::to_string(places).unwrap_or_default());
    let before = before.unwrap_or(1 << 53);
    (FIND, vec![expression.into(), before.into(), places.into(), u64::from(limit).into(), direct.into()])
}

/// Asks the history for the messages at these places, in that order. Rows are `conversation`, `offset`, `body`.
pub fn bodies(places: &[(String, u64)]) -> Statement {
    (BODIES, vec![serde_json::to_string(places).unwrap_or_default().into()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{column, Sql};
    use crate::sqlite::Sqlite;

    struct Databases {
        search: Sqlite,
        history: Sqlite,
    }

    impl Databases {
        fn new() -> Self {
            let (search, history) = (Sqlite::new(), Sqlite::new());
            search.script(include_str!("../../migrations/search/0001_search.sql"));
            history.script(include_str!("../../migrations/0002_history.sql"));
            Self { search, history }
        }

        fn say(&self, conversation: &str, offset: u64, text: &str) {
            let body = serde_json::json!({"parts": [{"kind": "text", "text": text}]});
            let entries = serde_json::json!([[offset, "message.created", "", "m", 5, body]]).to_string();
            self.search.batch(&feed(conversation, &entries, offset - 1, offset)).unwrap();
            let row = [conversation.into(), offset.into(), body.to_string().into()];
            let insert = "INSERT INTO history VALUES (?1, ?2, 'n', 'message.created', '', 'm', 5, ?3)";
            self.history.run(insert, &row).unwrap();
        }

        fn remove(&self, conversation: &str, offset: u64) {
            let entries = serde_json::json!([[offset, "room.removed", null, "e", 5, {}]]).to_string();
            self.search.batch(&feed(conversation, &entries, offset - 1, offset)).unwrap();
        }

        fn find(
            &self,
            q: &str,
            places: Option<&[&str]>,
            before: Option<u64>,
            limit: u32,
        ) -> Vec<(u64, String)> {
            let places: Option<Vec<String>> = places.map(|p| p.iter().map(ToString::to_string).collect());
            let places = Places { conversations: places.as_deref(), direct: true };
            let (query, parameters) = find(&Question::parse(q).unwrap(), places, before, limit);
            let rows = self.search.run(query, &parameters).unwrap();
            let place =
                |row: &Vec<Value>| (column(row, 1).text().to_owned(), column(row, 2).int().unsigned_abs());
            let (query, parameters) = bodies(&rows.iter().map(place).collect::<Vec<_>>());
            let found = self.history.run(query, &parameters).unwrap();
            assert_eq!(found.len(), rows.len());
            let ids = rows.iter().map(|row| column(row, 0).int().unsigned_abs());
            let text = |row: &Vec<Value>| {
                let body: serde_json::Value = serde_json::from_str(column(row, 2).text()).unwrap();
                body["parts"][0]["text"].as_str().unwrap().to_owned()
            };
            ids.zip(found.iter().map(text)).collect()
        }

        fn texts(&self, q: &str, places: Option<&[&str]>) -> Vec<String> {
            self.find(q, places, None, 50).into_iter().map(|(_, text)| text).collect()
        }
    }

    #[test]
    fn what_was_said_is_found_newest_first_where_the_caller_may_read() {
        let all = Databases::new();
        all.say("room:n:a", 1, "the quick brown fox");
        all.say("room:n:b", 1, "a brown bear");
        all.say("dm:n:x", 1, "brown secrets");
        all.say("room:n:a", 2, "nothing of the kind");
        assert_eq!(all.texts("brown", None), ["brown secrets", "a brown bear", "the quick brown fox"]);
        assert_eq!(all.texts("Brown fox", Some(&["room:n:a"])), ["the quick brown fox"]);
        assert_eq!(all.texts("brown", Some(&["room:n:a", "room:n:b"])).len(), 2);
        assert_eq!(all.texts("brown", Some(&[])), [""; 0]);
        let many: Vec<String> = (0..300).map(|n| format!("room:n:{n}")).chain(["room:n:b".into()]).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(all.texts("brown", Some(&many)), ["a brown bear"]);
        let rooms = Places { conversations: None, direct: false };
        let (query, parameters) = find(&Question::parse("brown").unwrap(), rooms, None, 50);
        let rooms = all.search.run(query, &parameters).unwrap();
        assert!(rooms.iter().all(|row| column(row, 1).text().starts_with("room:")) && rooms.len() == 2);
        all.remove("room:n:b", 2);
        assert_eq!(all.texts("brown", None), ["brown secrets", "the quick brown fox"]);
        // The word that stands for a room is no word of a message.
        assert_eq!(all.texts(&place_word("room:n:a"), None), [""; 0]);
    }

    #[test]
    fn paging_goes_back_in_time_without_gaps() {
        let all = Databases::new();
        for n in 1..=10 {
            all.say("room:n:a", n, &format!("word {n}"));
        }
        let mut seen = Vec::new();
        let mut before = None;
        loop {
            let page = all.find("word", None, before, 3);
            let Some((last, _)) = page.last() else { break };
            before = Some(*last);
            seen.extend(page.into_iter().map(|(_, text)| text));
        }
        assert_eq!(seen, (1..=10).rev().map(|n| format!("word {n}")).collect::<Vec<_>>());
    }

    #[test]
    fn the_index_alone_answers_and_nothing_is_sorted() {
        let all = Databases::new();
        let names = ["room:n:a".into()];
        let places = Places { conversations: Some(&names), direct: true };
        let (query, parameters) = find(&Question::parse("a b").unwrap(), places, Some(9), 3);
        let plan = all.search.run(&format!("EXPLAIN QUERY PLAN {query}"), &parameters).unwrap();
        let plan: Vec<&str> = plan.iter().map(|row| column(row, 3).text()).collect();
        assert!(plan.iter().any(|step| step.contains("VIRTUAL TABLE INDEX")), "{plan:?}");
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE FOR ORDER BY")), "{plan:?}");
        assert!(plan.iter().any(|step| step.contains("SEARCH d USING INTEGER PRIMARY KEY")), "{plan:?}");
    }
}
