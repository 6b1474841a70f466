// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

// answerError says that Mashery's answer is not what was asked for.
type answerError struct {
	status int // Mashery's
	text   string
}

func (e *answerError) Error() string { return e.text }

// asRead is an object as it is, or a collection as a list.
func (r *reply) asRead() (*logical.Response, error) {
	value, err := r.value()
	if err != nil {
		return nil, err
	}
	switch value := value.(type) {
	case map[string]any:
		return object(value), nil
	case []any:
		return r.list(value), nil
	}
	return nil, r.odd("neither an object nor a list")
}

// asList is a collection as Vault's lists are: keys in order, and what is
// behind each.
func (r *reply) asList() (*logical.Response, error) {
	value, err := r.value()
	if err != nil {
		return nil, err
	}
	items, ok := value.([]any)
	if !ok {
		return nil, r.odd("not a list; to see one object, vault read it without ;list")
	}
	return r.list(items), nil
}

// asCount is how many objects a collection has.
func (r *reply) asCount() (*logical.Response, error) {
	if err := r.refusal(); err != nil {
		return nil, err
	}
	count, err := strconv.ParseInt(r.header.Get("X-Total-Count"), 10, 64)
	if err != nil {
		return nil, r.odd("no count (X-Total-Count); is it a collection?")
	}
	return &logical.Response{Data: map[string]any{"total_count": count}}, nil
}

// asListedCount is the count for vault list, which shows nothing but keys.
func (r *reply) asListedCount() (*logical.Response, error) {
	resp, err := r.asCount()
	if err == nil {
		resp.Data["keys"] = []string{fmt.Sprint(resp.Data["total_count"])}
	}
	return resp, err
}

// asWritten is the object as it is now, or nothing where nothing is told.
func (r *reply) asWritten() (*logical.Response, error) {
	if err := r.refusal(); err != nil || len(bytes.TrimSpace(r.body)) == 0 {
		return nil, err
	}
	value, err := r.value()
	if err != nil {
		return nil, err
	}
	switch value := value.(type) {
	case map[string]any:
		if len(value) == 0 {
			return nil, nil
		}
		return object(value), nil
	case []any:
		return r.list(value), nil
	}
	return nil, nil // a lone true or null tells no more than the status does
}

// object is an object as it is, one level down if it has names that mean
// something to Vault: extended attributes have any name.
func object(value map[string]any) *logical.Response {
	for _, name := range []string{logical.HTTPStatusCode, logical.HTTPContentType, logical.HTTPRawBody, "error"} {
		if _, has := value[name]; has {
			return &logical.Response{Data: map[string]any{"object": value}}
		}
	}
	return &logical.Response{Data: value}
}

func (r *reply) list(items []any) *logical.Response {
	keys, info := make([]string, 0, len(items)), make(map[string]any, len(items))
	for i, item := range items {
		key := keyOf(item)
		if _, taken := info[key]; taken || key == "" {
			key = fmt.Sprintf("%s#%d", key, i)
		}
		keys, info[key] = append(keys, key), item
	}
	resp := &logical.Response{Data: map[string]any{"keys": keys, "key_info": info}}
	total, err := strconv.ParseInt(r.header.Get("X-Total-Count"), 10, 64)
	if err != nil {
		return resp
	}
	resp.Data["total_count"] = total
	if total > int64(len(items)) {
		resp.AddWarning(fmt.Sprintf("these are %d of %d objects; for others read the path with ;list and offset, limit or filter", len(items), total))
	}
	return resp
}

// keyOf is what an object of a list is known by. Domains have no id, but an address.
func keyOf(item any) string {
	object, ok := item.(map[string]any)
	if !ok {
		return fmt.Sprint(item)
	}
	for _, name := range []string{"id", "address", "name"} {
		if object[name] != nil {
			return fmt.Sprint(object[name])
		}
	}
	return ""
}

// value is the JSON of a reply that is none of an error.
func (r *reply) value() (any, error) {
	if err := r.refusal(); err != nil {
		return nil, err
	}
	value, err := decodeJSON(r.body)
	if err != nil {
		return nil, r.odd("not JSON; is the endpoint right?")
	}
	return value, nil
}

// decodeJSON reads one JSON value, its numbers as they are written.
func decodeJSON(raw []byte) (value any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("more than one value")
	}
	return value, nil
}

func (r *reply) odd(what string) error {
	return &answerError{r.status, fmt.Sprintf("Mashery answered with status %d and %s", r.status, what)}
}

// refusal is the error of a reply that is one, in Mashery's words; nil when it is none.
func (r *reply) refusal() error {
	if r.status >= http.StatusOK && r.status < http.StatusMultipleChoices {
		return nil
	}
	return &answerError{r.status, fmt.Sprintf("Mashery answered with status %d: %s", r.status, r.words())}
}

// words are what a V3 error says of itself: in JSON when it is the API's, in
// headers when it is the gateway's [developer.mashery.com, Errors]. Anything
// else is not repeated: it might be the request.
func (r *reply) words() string {
	var said []string
	var answer struct {
		Code    any    `json:"errorCode"`
		Message string `json:"errorMessage"`
		Errors  []struct{ Property, Message string }
	}
	if json.Unmarshal(r.body, &answer) == nil {
		said = append(said, answer.Message)
		for _, one := range answer.Errors {
			said = append(said, strings.TrimPrefix(one.Property+": "+one.Message, ": "))
		}
	}
	said = append(said, r.header.Get(mashery.HeaderErrorCode), r.header.Get("X-Error-Detail-Header"))
	return r.plain(said)
}

// plain joins what was said, in plain words.
func (r *reply) plain(said []string) string {
	words := slices.DeleteFunc(said, func(one string) bool { return one == "" })
	if len(words) == 0 {
		return "without a word"
	}
	return mashery.PlainWords(strings.Join(words, "; "), r.from.secrets()...)
}
