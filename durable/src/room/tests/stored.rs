//! Stored forms never change: rows that this build writes are what an earlier one wrote.

use super::*;
use crate::sql::Sql;

fn rows(sql: &Sqlite, query: &str) -> Vec<String> {
    sql.run(query, &[]).unwrap().iter().map(|row| serde_json::to_string(row).unwrap()).collect()
}

#[test]
fn rows_of_a_room() {
    let mut scene = Scene::room();
    scene.post_all(vec![hi("m1"), in_thread("m2", "t")]);
    scene.ask::<()>(RoomAsk::Close { version: 2 }).unwrap();
    assert_eq!(
        rows(&scene.sql, "SELECT * FROM conversation"),
        [
            r#"["room","home","general",500,"{\"version\":2,\"name\":\"General\",\"members\":[\"alpha\",\"beta\",\"far:gamma\"],\"visibility\":\"private\",\"write_policy\":\"members\"}",2,"[]",1]"#
        ]
    );
    assert_eq!(
        rows(&scene.sql, "SELECT * FROM log ORDER BY offset"),
        [
            r#"[1,"room.created",null,"evt_00000000FM0000000000000001",null,500,0,215,"{\"id\":\"general\",\"network_id\":\"home\",\"fqid\":\"molt://home/rooms/general\",\"name\":\"General\",\"members\":[\"alpha\",\"beta\",\"far:gamma\"],\"visibility\":\"private\",\"write_policy\":\"members\",\"created_at\":\"1970-01-01T00:00:00.500Z\"}"]"#,
            r#"[2,"message.created","","m1",840853098002545,1002,0,294,"{\"id\":\"m1\",\"network_id\":\"home\",\"origin\":{\"network_id\":\"home\",\"message_id\":\"m1\"},\"target\":{\"kind\":\"room\",\"room_id\":\"general\"},\"from\":{\"type\":\"agent\",\"id\":\"alpha\",\"network_id\":\"home\",\"fqid\":\"molt://home/agents/alpha\"},\"parts\":[{\"kind\":\"text\",\"text\":\"hi\"}],\"created_at\":\"1970-01-01T00:00:01.002Z\"}"]"#,
            r#"[3,"thread.created",null,"evt_00000000ZA0000000000000002",null,1002,0,168,"{\"id\":\"t\",\"network_id\":\"home\",\"fqid\":\"molt://home/threads/t\",\"room_id\":\"general\",\"parent_message_id\":\"p\",\"message_count\":1,\"last_message_at\":\"1970-01-01T00:00:01.002Z\"}"]"#,
            r#"[4,"message.created","t","m2",840853098002545,1002,0,336,"{\"id\":\"m2\",\"network_id\":\"home\",\"origin\":{\"network_id\":\"home\",\"message_id\":\"m2\"},\"target\":{\"kind\":\"thread\",\"room_id\":\"general\",\"thread_id\":\"t\",\"parent_message_id\":\"p\"},\"from\":{\"type\":\"agent\",\"id\":\"alpha\",\"network_id\":\"home\",\"fqid\":\"molt://home/agents/alpha\"},\"parts\":[{\"kind\":\"text\",\"text\":\"hi\"}],\"created_at\":\"1970-01-01T00:00:01.002Z\"}"]"#,
            r#"[5,"room.removed",null,"evt_00000000ZB0000000000000003",null,1003,0,215,"{\"id\":\"general\",\"network_id\":\"home\",\"fqid\":\"molt://home/rooms/general\",\"name\":\"General\",\"members\":[\"alpha\",\"beta\",\"far:gamma\"],\"visibility\":\"private\",\"write_policy\":\"members\",\"created_at\":\"1970-01-01T00:00:00.500Z\"}"]"#,
        ]
    );
    assert_eq!(rows(&scene.sql, "SELECT * FROM thread"), [r#"["t","p",1,1002]"#]);
    assert_eq!(rows(&scene.sql, "SELECT * FROM mark"), ["[0,0,0,0]"]);
}

#[test]
fn rows_of_a_direct_conversation() {
    let mut scene = Scene::dm();
    scene.post(in_dm(agent("alpha"), "m1", r#"["alpha","beta"]"#)).unwrap();
    assert_eq!(
        rows(&scene.sql, "SELECT kind, network, id, version, participants, closed FROM conversation"),
        [r#"["dm","home","d1",1,"[\"alpha\",\"beta\"]",0]"#]
    );
    assert_eq!(
        rows(&scene.sql, "SELECT offset, kind, thread, id, body FROM log WHERE kind = 'dm.created'"),
        [
            r#"[1,"dm.created",null,"evt_00000000Z90000000000000001","{\"id\":\"d1\",\"network_id\":\"home\",\"fqid\":\"molt://home/dms/d1\",\"participant_ids\":[\"alpha\",\"beta\"],\"message_count\":1,\"last_message_at\":\"1970-01-01T00:00:01.001Z\"}"]"#
        ]
    );
}
