//! The externs of the scripts beside this file, all with `catch`. The modules beside this one give them Rust types.

#![allow(unsafe_code, missing_docs, reason = "written by the macro; the scripts document each function")]

use js_sys::{Array, Function, Promise, Uint8Array};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/bindings/http.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = requestHead)]
    pub fn request_head(request: &JsValue) -> Result<String, JsValue>;

    #[wasm_bindgen(catch, js_name = readBody)]
    pub fn read_body(request: &JsValue, declared: f64, limit: f64, gzip: bool) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = letGo)]
    pub fn let_go(request: &JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, js_name = respond)]
    pub fn respond(status: u16, headers: &str, body: &JsValue) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, js_name = respond)]
    pub fn respond_text(status: u16, headers: &str, body: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, js_name = requestText)]
    pub fn request_text(request: &JsValue) -> Result<Promise, JsValue>;
}

#[wasm_bindgen(module = "/src/bindings/entry.js")]
extern "C" {
    pub type Entry;

    #[wasm_bindgen(catch)]
    pub fn guard(request: &JsValue, ctx: &JsValue, ms: u32, headers: &str) -> Result<Entry, JsValue>;

    #[wasm_bindgen(catch, method, getter)]
    pub fn answer(this: &Entry) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, method)]
    pub fn done(this: &Entry, response: &JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, method)]
    pub fn fail(this: &Entry, why: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(catch)]
    pub fn keep(ctx: &JsValue) -> Result<Function, JsValue>;

    #[wasm_bindgen(catch)]
    pub fn sleep(ms: u32) -> Result<Promise, JsValue>;
}

#[wasm_bindgen(module = "/src/bindings/object.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = callObject)]
    pub fn call_object(
        env: &JsValue,
        place: &str,
        message: &str,
        near: Option<&str>,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = callReferred)]
    pub fn call_referred(env: &JsValue, place: &str, message: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = callObjectWhile)]
    pub fn call_object_while(
        request: &JsValue,
        env: &JsValue,
        place: &str,
        message: &str,
        left: &str,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    pub fn ride(ctx: &JsValue, env: &JsValue, place: &str, left: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, js_name = serveObject)]
    pub fn serve_object(request: &JsValue, turn: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = answerLater)]
    pub fn answer_later(answers: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(catch)]
    pub fn later(work: &JsValue, ms: f64) -> Result<(), JsValue>;

    #[wasm_bindgen(catch)]
    pub fn gather(work: &JsValue, expected: bool) -> Result<(), JsValue>;

    #[wasm_bindgen(catch)]
    pub fn tick(work: &JsValue, ms: f64) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, js_name = setAlarm)]
    pub fn set_alarm(storage: &JsValue, time: f64) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = objectName)]
    pub fn object_name(state: &JsValue) -> Result<String, JsValue>;

    #[wasm_bindgen(catch, js_name = objectStorage)]
    pub fn object_storage(state: &JsValue) -> Result<JsValue, JsValue>;
}

#[wasm_bindgen(module = "/src/bindings/storage.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = sqlFinds)]
    pub fn sql_finds(storage: &JsValue, query: &str) -> Result<bool, JsValue>;

    #[wasm_bindgen(catch, js_name = sqlSize)]
    pub fn sql_size(storage: &JsValue) -> Result<f64, JsValue>;

    #[wasm_bindgen(catch, js_name = sqlRun)]
    pub fn sql_run(storage: &JsValue, query: &str, parameters: &str) -> Result<String, JsValue>;

    #[wasm_bindgen(catch, js_name = sqlApply)]
    pub fn sql_apply(storage: &JsValue, statements: &str) -> Result<String, JsValue>;

    #[wasm_bindgen(catch, js_name = sqlBatch)]
    pub fn sql_batch(storage: &JsValue, statements: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, js_name = d1Batch)]
    pub fn d1_batch(database: &JsValue, statements: &str, text: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = d1State)]
    pub fn d1_state(database: &JsValue) -> Result<Promise, JsValue>;
}

#[wasm_bindgen(module = "/src/bindings/runtime.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    pub fn hear(tell: &JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(catch)]
    pub fn settle(promise: &Promise) -> Result<u32, JsValue>;

    #[wasm_bindgen(catch)]
    pub fn binding(env: &JsValue, name: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    pub fn variable(env: &JsValue, name: &str) -> Result<Option<String>, JsValue>;

    #[wasm_bindgen(catch)]
    pub fn random(length: u32) -> Result<Vec<u8>, JsValue>;

    #[wasm_bindgen(catch, js_name = withinLimit)]
    pub fn within_limit(env: &JsValue, name: &str, key: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    pub fn asset(env: &JsValue, path: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    pub fn log(line: &str) -> Result<(), JsValue>;
}

#[wasm_bindgen(module = "/src/bindings/buffers.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    pub fn free(buffer: &JsValue) -> Result<(), JsValue>;
}

#[wasm_bindgen(module = "/src/bindings/exchange.js")]
extern "C" {
    pub type Exchange;

    #[wasm_bindgen(catch, constructor)]
    pub fn new(request: &JsValue, timeout: f64, beat: f64, early: bool) -> Result<Exchange, JsValue>;

    #[wasm_bindgen(catch, method)]
    pub fn send(this: &Exchange, head: &str, body: Option<Uint8Array>) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, method, js_name = sendOver)]
    pub fn send_over(
        this: &Exchange,
        tunnel: &Tunnel,
        head: &str,
        body: Option<Uint8Array>,
    ) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, method)]
    pub fn unasked(this: &Exchange) -> Result<bool, JsValue>;

    #[wasm_bindgen(catch, method)]
    pub fn watch(this: &Exchange, env: &JsValue, question: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, method)]
    pub fn why(this: &Exchange) -> Result<String, JsValue>;

    #[wasm_bindgen(catch, method)]
    pub fn early(this: &Exchange) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, method)]
    pub fn next(this: &Exchange) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, method)]
    pub fn flow(this: &Exchange, step: &JsValue, last_resort: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, method)]
    pub fn whole(this: &Exchange, limit: f64) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, method)]
    pub fn open(this: &Exchange, status: u16, headers: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, method, getter)]
    pub fn body(this: &Exchange) -> Result<Flow, JsValue>;

    #[wasm_bindgen(catch, method)]
    pub fn finish(this: &Exchange, fed: bool) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, method)]
    pub fn leave(this: &Exchange) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, method)]
    pub fn close(this: &Exchange, fed: bool) -> Result<(), JsValue>;
}

#[wasm_bindgen(module = "/src/bindings/flow.js")]
extern "C" {
    pub type Flow;

    #[wasm_bindgen(catch, method)]
    pub fn forward(this: &Flow, from: u32, to: u32) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, method)]
    pub fn write(this: &Flow, bytes: &[u8]) -> Result<(), JsValue>;
}

#[wasm_bindgen(module = "/src/bindings/inquiry.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    pub fn inquire(
        head: &str,
        body: Option<Uint8Array>,
        timeout: u32,
        limit: u32,
    ) -> Result<Promise, JsValue>;
}

#[wasm_bindgen(module = "/src/bindings/inquiry.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = inquireOver)]
    pub fn inquire_over(
        tunnel: &Tunnel,
        head: &str,
        body: Option<Uint8Array>,
        timeout: u32,
        limit: u32,
    ) -> Result<Promise, JsValue>;
}

#[wasm_bindgen(module = "/src/bindings/tunnel.js")]
extern "C" {
    pub type Tunnel;

    #[wasm_bindgen(catch, constructor)]
    pub fn new(env: &JsValue, place: &str, who: &str, socket: &JsValue) -> Result<Tunnel, JsValue>;

    #[wasm_bindgen(catch, js_name = admitOver)]
    pub fn admit_over(
        request: &JsValue,
        env: &JsValue,
        place: &str,
        message: &str,
        left: &str,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = dropCall)]
    pub fn drop_call(socket: &JsValue) -> Result<(), JsValue>;
}

#[wasm_bindgen(module = "/src/bindings/worker.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = askWorker)]
    pub fn ask_worker(
        state: &JsValue,
        url: &str,
        name: &str,
        value: &str,
        body: &str,
        timeout: u32,
    ) -> Result<Promise, JsValue>;
}

#[wasm_bindgen(module = "/src/bindings/chat.js")]
extern "C" {
    pub type Chat;

    #[wasm_bindgen(catch, constructor)]
    pub fn new(
        state: &JsValue,
        socket: &JsValue,
        url: &str,
        name: &str,
        value: &str,
        body: &str,
        number: u32,
        tell: &JsValue,
    ) -> Result<Chat, JsValue>;

    #[wasm_bindgen(catch, method)]
    pub fn end(this: &Chat) -> Result<(), JsValue>;
}

#[wasm_bindgen(module = "/src/bindings/link.js")]
extern "C" {
    pub type Link;

    #[wasm_bindgen(catch, constructor)]
    pub fn new(
        request: &JsValue,
        ctx: &JsValue,
        env: &JsValue,
        place: &str,
        cursor: &str,
        message: &str,
        comments: &str,
    ) -> Result<Link, JsValue>;

    #[wasm_bindgen(catch, method)]
    pub fn open(this: &Link) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, method)]
    pub fn respond(
        this: &Link,
        status: u16,
        headers: &str,
        ends: f64,
        expired: &str,
        lost: &str,
    ) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, method)]
    pub fn close(this: &Link) -> Result<(), JsValue>;
}

#[wasm_bindgen(module = "/src/bindings/sockets.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = isUpgrade)]
    pub fn is_upgrade(request: &JsValue) -> Result<bool, JsValue>;

    #[wasm_bindgen(catch, js_name = acceptSocket)]
    pub fn accept_socket(state: &JsValue) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, js_name = acceptAttachment)]
    pub fn accept_attachment(state: &JsValue) -> Result<Array, JsValue>;

    #[wasm_bindgen(catch, js_name = acceptCall)]
    pub fn accept_call(state: &JsValue, answer: Option<&str>) -> Result<Array, JsValue>;

    #[wasm_bindgen(catch, js_name = acceptTagged)]
    pub fn accept_tagged(state: &JsValue, tag: &str) -> Result<Array, JsValue>;

    #[wasm_bindgen(catch, js_name = taggedSockets)]
    pub fn tagged_sockets(state: &JsValue, tag: &str) -> Result<Array, JsValue>;

    #[wasm_bindgen(catch, js_name = socketTag)]
    pub fn socket_tag(state: &JsValue, socket: &JsValue) -> Result<Option<String>, JsValue>;

    #[wasm_bindgen(catch)]
    pub fn admitted(request: &JsValue) -> Result<Option<String>, JsValue>;

    #[wasm_bindgen(catch, js_name = openAttachment)]
    pub fn open_attachment(env: &JsValue, place: &str, who: &str, headers: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = socketNumber)]
    pub fn socket_number(socket: &JsValue) -> Result<f64, JsValue>;

    #[wasm_bindgen(catch, js_name = numberSocket)]
    pub fn number_socket(socket: &JsValue, number: f64) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, js_name = bufferedAmount)]
    pub fn buffered_amount(socket: &JsValue) -> Result<f64, JsValue>;

    #[wasm_bindgen(catch, js_name = messageLength)]
    pub fn message_length(message: &JsValue) -> Result<f64, JsValue>;

    #[wasm_bindgen(catch, js_name = openSockets)]
    pub fn open_sockets(state: &JsValue) -> Result<Array, JsValue>;

    #[wasm_bindgen(catch, js_name = socketState)]
    pub fn socket_state(socket: &JsValue) -> Result<Option<String>, JsValue>;

    #[wasm_bindgen(catch, js_name = keepState)]
    pub fn keep_state(socket: &JsValue, text: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, js_name = sendText)]
    pub fn send_text(socket: &JsValue, text: &JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, js_name = sendBytes)]
    pub fn send_bytes(socket: &JsValue, bytes: &[u8]) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, js_name = closeSocket)]
    pub fn close_socket(socket: &JsValue, code: u16, reason: &str) -> Result<(), JsValue>;
}
