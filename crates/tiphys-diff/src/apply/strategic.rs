//! Three-way strategic merge patches, for built-in kinds: lists with a merge key are merged item by item.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::json::without_nulls;
use crate::schema::{Slot, View};

/// Marks a map as a directive, or a list as one that replaces.
pub(crate) const PATCH: &str = "$patch";
/// Keys that stay in a map of which others are removed.
pub(crate) const RETAIN_KEYS: &str = "$retainKeys";
/// The order of a merged list's items.
pub(crate) const SET_ELEMENT_ORDER: &str = "$setElementOrder/";
/// Items to remove from a merged list of scalars.
pub(crate) const DELETE_FROM_PRIMITIVE_LIST: &str = "$deleteFromPrimitiveList/";

/// Pairs of items that are looked at where there is no single key.
const MATCHED_AT_MOST: usize = 1_000_000;

type Fields = Map<String, Value>;

pub(super) fn diff(
    original: Option<&Fields>,
    current: &Fields,
    modified: &Fields,
    view: Option<View<'_>>,
) -> Fields {
    let mut patch = Map::new();
    for (key, wanted) in modified {
        let before = original.and_then(|original| original.get(key));
        match (current.get(key), wanted) {
            (None, Value::Null) | (Some(Value::Null), Value::Null) => {}
            (None, wanted) => {
                patch.insert(key.clone(), without_nulls(wanted));
            }
            (Some(found), wanted) => diff_field(&mut patch, key, before, found, wanted, Slot::of(view, key)),
        }
    }
    for (key, before) in original.into_iter().flatten() {
        if modified.contains_key(key) {
            continue;
        }
        let Some(found) = current.get(key) else { continue };
        let slot = Slot::of(view, key);
        if view.is_some_and(View::is_server_side) && !slot.strategy().replace {
            give_up(&mut patch, key, before, found, slot);
        } else {
            patch.insert(key.clone(), Value::Null);
        }
    }
    patch
}

/// A server-side apply takes only its own part of a field away, and the field with it when nothing is left.
fn give_up(patch: &mut Fields, key: &str, before: &Value, found: &Value, slot: Slot<'_>) {
    match (before, found) {
        (Value::Object(before), Value::Object(found)) => {
            let inner = diff(Some(before), found, &Map::new(), slot.view);
            let all_gone = found.keys().all(|key| inner.get(key).is_some_and(Value::is_null));
            if all_gone {
                patch.insert(key.to_owned(), Value::Null);
            } else if !inner.is_empty() {
                patch.insert(key.to_owned(), Value::Object(inner));
            }
        }
        (Value::Array(before), Value::Array(found)) if slot.strategy().merge => {
            diff_list(patch, key, before, found, &[], slot);
            let mut after = json!({key: found});
            if let Some(fields) = after.as_object_mut() {
                crate::merge::merge_slot(fields, patch, key, slot);
                if fields.get(key).and_then(Value::as_array).is_some_and(Vec::is_empty) {
                    patch.retain(|name, _| name != key && !name.ends_with(&format!("/{key}")));
                    patch.insert(key.to_owned(), Value::Null);
                }
            }
        }
        _ => {
            patch.insert(key.to_owned(), Value::Null);
        }
    }
}

fn diff_field(
    patch: &mut Fields,
    key: &str,
    before: Option<&Value>,
    found: &Value,
    wanted: &Value,
    slot: Slot<'_>,
) {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            let strategy = slot.strategy();
            if strategy.replace {
                if found != wanted {
                    let mut whole = wanted.clone();
                    whole.insert(PATCH.to_owned(), json!("replace"));
                    patch.insert(key.to_owned(), Value::Object(whole));
                }
                return;
            }
            let mut inner = diff(before.and_then(Value::as_object), found, wanted, slot.view);
            if !inner.is_empty() {
                if strategy.retain_keys {
                    retain_keys(&mut inner, wanted);
                }
                patch.insert(key.to_owned(), Value::Object(inner));
            }
        }
        (Value::Array(found), Value::Array(wanted)) if slot.strategy().merge => {
            let before = before.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            diff_list(patch, key, before, found, wanted, slot);
        }
        (found, wanted) if found != wanted => {
            patch.insert(key.to_owned(), wanted.clone());
        }
        _ => {}
    }
}

fn retain_keys(patch: &mut Fields, wanted: &Fields) {
    let mut keys: Vec<&String> = wanted.keys().collect();
    keys.sort();
    patch.insert(RETAIN_KEYS.to_owned(), json!(keys));
}

fn diff_list(
    patch: &mut Fields,
    key: &str,
    before: &[Value],
    found: &[Value],
    wanted: &[Value],
    slot: Slot<'_>,
) {
    if found == wanted && before == wanted {
        return;
    }
    if slot.has_several_keys() {
        diff_ambiguous(patch, key, before, found, wanted, slot);
        return;
    }
    let Some(merge_key) = slot.merge_key() else {
        diff_scalars(patch, key, before, found, wanted);
        return;
    };
    let keyed = (Keyed::new(before, merge_key), Keyed::new(found, merge_key), Keyed::new(wanted, merge_key));
    match keyed {
        (Some(before), Some(found), Some(wanted)) => {
            diff_keyed(patch, key, merge_key, &before, &found, &wanted, slot);
        }
        // Items that share a merge key (one port number for two protocols) can't be told apart in a merge.
        _ => diff_ambiguous(patch, key, before, found, wanted, slot),
    }
}

fn diff_scalars(patch: &mut Fields, key: &str, before: &[Value], found: &[Value], wanted: &[Value]) {
    let (there, asked): (HashSet<&Value>, HashSet<&Value>) =
        (found.iter().collect(), wanted.iter().collect());
    let mut seen = HashSet::new();
    let added: Vec<&Value> =
        wanted.iter().filter(|item| !there.contains(item) && seen.insert(*item)).collect();
    let removed: Vec<&Value> =
        before.iter().filter(|item| !asked.contains(item) && there.contains(item)).collect();
    if added.is_empty() && removed.is_empty() && in_same_order(wanted.iter(), found) {
        return;
    }
    if !added.is_empty() {
        patch.insert(key.to_owned(), json!(added));
    }
    if !removed.is_empty() {
        patch.insert(format!("{DELETE_FROM_PRIMITIVE_LIST}{key}"), json!(removed));
    }
    patch.insert(format!("{SET_ELEMENT_ORDER}{key}"), json!(wanted));
}

/// Whether the items of `wanted` stand in `found` in the same order, with or without others between them.
fn in_same_order<'a>(wanted: impl Iterator<Item = &'a Value>, found: &[Value]) -> bool {
    let mut rest = found.iter();
    for item in wanted {
        if !rest.any(|other| other == item) {
            return false;
        }
    }
    true
}

/// A list of maps by merge key.
pub(crate) struct Keyed<'a> {
    pub(crate) items: Vec<(&'a Value, &'a Fields)>,
    index: HashMap<&'a Value, usize>,
}

impl<'a> Keyed<'a> {
    /// `None` when an item is no map, lacks the key or shares it with another.
    pub(crate) fn new(list: &'a [Value], merge_key: &str) -> Option<Self> {
        let mut items = Vec::with_capacity(list.len());
        let mut index = HashMap::with_capacity(list.len());
        for (at, item) in list.iter().enumerate() {
            let fields = item.as_object()?;
            let id = fields.get(merge_key).filter(|id| !id.is_null())?;
            if index.insert(id, at).is_some() {
                return None;
            }
            items.push((id, fields));
        }
        Some(Keyed { items, index })
    }

    pub(crate) fn position(&self, id: &Value) -> Option<usize> {
        self.index.get(id).copied()
    }

    pub(crate) fn get(&self, id: &Value) -> Option<&'a Fields> {
        self.items.get(self.position(id)?).map(|(_, fields)| *fields)
    }
}

fn diff_keyed(
    patch: &mut Fields,
    key: &str,
    merge_key: &str,
    before: &Keyed<'_>,
    found: &Keyed<'_>,
    wanted: &Keyed<'_>,
    slot: Slot<'_>,
) {
    let element = slot.view.and_then(View::element);
    let mut changes = Vec::new();
    let mut last = None;
    let mut ordered = true;
    for (id, item) in &wanted.items {
        let Some(position) = found.position(id) else {
            changes.push(without_nulls(&Value::Object((*item).clone())));
            continue;
        };
        ordered &= last < Some(position);
        last = Some(position);
        let Some(live) = found.get(id) else { continue };
        let mut inner = diff(before.get(id), live, item, element);
        if !inner.is_empty() {
            if slot.strategy().retain_keys {
                retain_keys(&mut inner, item);
            }
            inner.insert(merge_key.to_owned(), (*id).clone());
            changes.push(Value::Object(inner));
        }
    }
    for (id, _) in &before.items {
        if wanted.position(id).is_none() && found.position(id).is_some() {
            changes.push(json!({merge_key: id, PATCH: "delete"}));
        }
    }
    if changes.is_empty() && ordered {
        return;
    }
    if !changes.is_empty() {
        patch.insert(key.to_owned(), Value::Array(changes));
    }
    let order: Vec<Value> = wanted.items.iter().map(|(id, _)| json!({merge_key: id})).collect();
    patch.insert(format!("{SET_ELEMENT_ORDER}{key}"), Value::Array(order));
}

/// Merges by all of the keys that the server tells items apart by, and replaces the list where that changes it.
fn diff_ambiguous(
    patch: &mut Fields,
    key: &str,
    before: &[Value],
    found: &[Value],
    wanted: &[Value],
    slot: Slot<'_>,
) {
    let element = slot.view.and_then(View::element);
    let matches = |one: &Value, other: &Value| {
        let keys = slot.field.map_or(&[][..], |field| &field.map_keys);
        !keys.is_empty()
            && keys.iter().all(|key| {
                let default = Slot::of(element, key).field.and_then(|field| field.default.as_deref());
                let part = |item: &Value| {
                    let value = item.get(key.as_ref()).filter(|value| !value.is_null() && *value != "");
                    value.or(default).cloned()
                };
                part(one) == part(other)
            })
    };
    // Each item is looked for in all others, which no honest list makes expensive.
    if wanted.len().saturating_mul(found.len().saturating_add(before.len())) > MATCHED_AT_MOST {
        if wanted != found {
            patch.insert(key.to_owned(), json!([{PATCH: "replace"}]));
            if let Some(Value::Array(items)) = patch.get_mut(key) {
                items.extend(wanted.iter().cloned());
            }
        }
        return;
    }
    let mut merged: Vec<Value> = Vec::with_capacity(wanted.len());
    for item in wanted {
        let live = found.iter().find(|live| matches(live, item));
        match (live.and_then(Value::as_object), item.as_object()) {
            (Some(live), Some(item_fields)) => {
                let previous =
                    before.iter().find(|previous| matches(previous, item)).and_then(Value::as_object);
                let inner = diff(previous, live, item_fields, element);
                let mut result = live.clone();
                crate::merge::merge_fields(&mut result, &inner, element);
                merged.push(Value::Object(result));
            }
            _ => merged.push(without_nulls(item)),
        }
    }
    // What nobody applied (a port that a controller added) stays.
    for live in found {
        let ours = wanted.iter().chain(before).any(|item| matches(live, item));
        if !ours {
            merged.push(live.clone());
        }
    }
    if merged != found {
        merged.insert(0, json!({PATCH: "replace"}));
        patch.insert(key.to_owned(), Value::Array(merged));
    }
}
