//! What the API server makes of a patch, before defaults: strategic merge and JSON merge, in memory.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::apply::directives::{DELETE_FROM_PRIMITIVE_LIST, PATCH, RETAIN_KEYS, SET_ELEMENT_ORDER};
use crate::apply::{Patch, PatchKind};
use crate::schema::{MergeSchema, Slot, View};

type Fields = Map<String, Value>;

/// `original` after `patch`.
pub fn apply(original: &Value, patch: &Patch, schema: Option<&MergeSchema>) -> Value {
    match patch.kind {
        PatchKind::StrategicMerge => strategic(original, &patch.body, schema),
        PatchKind::JsonMerge => json_merge(original, &patch.body),
    }
}

/// `original` after a JSON merge patch (RFC 7396).
pub fn json_merge(original: &Value, patch: &Value) -> Value {
    let Value::Object(changes) = patch else { return patch.clone() };
    let mut result = original.as_object().cloned().unwrap_or_default();
    for (key, change) in changes {
        if change.is_null() {
            result.remove(key);
        } else {
            let before = result.get(key).unwrap_or(&Value::Null);
            let after = json_merge(before, change);
            result.insert(key.clone(), after);
        }
    }
    Value::Object(result)
}

/// `original` after a strategic merge patch.
pub fn strategic(original: &Value, patch: &Value, schema: Option<&MergeSchema>) -> Value {
    let Value::Object(changes) = patch else { return patch.clone() };
    let mut result = original.as_object().cloned().unwrap_or_default();
    merge_fields(&mut result, changes, schema.and_then(MergeSchema::view));
    Value::Object(result)
}

/// `original` after the change of a server-side apply.
pub(crate) fn server_side(original: &Value, change: &Value, schema: Option<&MergeSchema>) -> Value {
    let Value::Object(changes) = change else { return original.clone() };
    let mut result = original.as_object().cloned().unwrap_or_default();
    merge_fields(&mut result, changes, schema.and_then(MergeSchema::server_side_view));
    Value::Object(result)
}

pub(crate) fn merge_fields(target: &mut Fields, patch: &Fields, view: Option<View<'_>>) {
    match patch.get(PATCH).and_then(Value::as_str) {
        Some("replace") => {
            *target =
                patch.iter().filter(|(key, _)| *key != PATCH).map(|(k, v)| (k.clone(), v.clone())).collect();
            return;
        }
        Some("delete") => {
            target.clear();
            return;
        }
        _ => {}
    }
    if let Some(kept) = patch.get(RETAIN_KEYS).and_then(Value::as_array) {
        target.retain(|key, _| kept.iter().any(|name| name.as_str() == Some(key)));
    }
    for (key, change) in patch {
        if is_directive(key) {
            continue;
        }
        if change.is_null() {
            target.remove(key);
            continue;
        }
        merge_slot(target, patch, key, Slot::of(view, key));
    }
    for (key, items) in patch {
        let Some(list) = key.strip_prefix(DELETE_FROM_PRIMITIVE_LIST) else { continue };
        if let (Some(Value::Array(before)), Some(items)) = (target.get_mut(list), items.as_array()) {
            before.retain(|item| !items.contains(item));
        }
    }
    for (key, order) in patch {
        let Some(list) = key.strip_prefix(SET_ELEMENT_ORDER) else { continue };
        if !patch.contains_key(list)
            && let Some(Value::Array(before)) = target.get_mut(list)
        {
            set_order(before, Some(order), Slot::of(view, list));
        }
    }
}

/// Merges one field of a patch, which is no directive and no deletion.
pub(crate) fn merge_slot(target: &mut Fields, patch: &Fields, key: &str, slot: Slot<'_>) {
    let Some(change) = patch.get(key) else { return };
    let order = patch.get(&format!("{SET_ELEMENT_ORDER}{key}"));
    match (target.get_mut(key), change) {
        (Some(Value::Object(before)), Value::Object(change)) => merge_fields(before, change, slot.view),
        (Some(Value::Array(before)), Value::Array(change)) if slot.strategy().merge => {
            merge_list(before, change, slot);
            set_order(before, order, slot);
        }
        (_, change) => {
            target.insert(key.to_owned(), without_directives(change));
        }
    }
}

fn merge_list(target: &mut Vec<Value>, changes: &[Value], slot: Slot<'_>) {
    let replaces = |item: &Value| item.get(PATCH).and_then(Value::as_str) == Some("replace");
    if changes.iter().any(replaces) {
        *target = changes.iter().filter(|item| !replaces(item)).cloned().collect();
        return;
    }
    let Some(merge_key) = slot.merge_key() else {
        let there: HashSet<Value> = target.iter().cloned().collect();
        target.extend(changes.iter().filter(|item| !there.contains(*item)).cloned());
        return;
    };
    let element = slot.view.and_then(View::element);
    let id = |item: &Value| item.get(merge_key).cloned().unwrap_or_default();
    let positions: HashMap<Value, usize> =
        target.iter().enumerate().rev().map(|(position, item)| (id(item), position)).collect();
    let mut deleted = HashSet::new();
    for change in changes {
        let Some(fields) = change.as_object() else { continue };
        let position = positions.get(&id(change)).copied();
        if fields.get(PATCH).and_then(Value::as_str) == Some("delete") {
            deleted.extend(position);
            continue;
        }
        match position.and_then(|position| target.get_mut(position)).and_then(Value::as_object_mut) {
            Some(before) => merge_fields(before, fields, element),
            None => target.push(without_directives(change)),
        }
    }
    let mut position = 0..;
    target.retain(|_| position.next().is_none_or(|position| !deleted.contains(&position)));
}

/// Brings the items that `order` names into that order; items that it doesn't name keep their place before those
/// that followed them.
fn set_order(list: &mut Vec<Value>, order: Option<&Value>, slot: Slot<'_>) {
    let Some(order) = order.and_then(Value::as_array) else { return };
    let id = |item: &Value| match slot.merge_key() {
        Some(merge_key) => item.get(merge_key).cloned().unwrap_or_default(),
        None => item.clone(),
    };
    let ranks: HashMap<Value, usize> =
        order.iter().enumerate().rev().map(|(rank, item)| (id(item), rank)).collect();
    let rank = |item: &Value| ranks.get(&id(item)).copied();
    let server_order: Vec<Value> = std::mem::take(list);
    let mut named: Vec<(usize, usize, &Value)> = Vec::new();
    let mut others: Vec<(usize, &Value)> = Vec::new();
    for (position, item) in server_order.iter().enumerate() {
        match rank(item) {
            Some(rank) => named.push((rank, position, item)),
            None => others.push((position, item)),
        }
    }
    named.sort_by_key(|(rank, _, _)| *rank);
    let mut result = Vec::with_capacity(server_order.len());
    let mut others = others.into_iter().peekable();
    for (_, position, item) in named {
        while let Some((_, other)) = others.next_if(|(other, _)| *other < position) {
            result.push(other.clone());
        }
        result.push(item.clone());
    }
    result.extend(others.map(|(_, other)| other.clone()));
    *list = result;
}

fn without_directives(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(key, field)| !is_directive(key) && !field.is_null())
                .map(|(key, field)| (key.clone(), without_directives(field)))
                .collect(),
        ),
        other => other.clone(),
    }
}

fn is_directive(key: &str) -> bool {
    key == PATCH
        || key == RETAIN_KEYS
        || key.starts_with(SET_ELEMENT_ORDER)
        || key.starts_with(DELETE_FROM_PRIMITIVE_LIST)
}
