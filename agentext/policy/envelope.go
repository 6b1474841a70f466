// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Envelope is the JSON-RPC envelope of a V2 call, read the one way it can be.
type Envelope struct {
	Data      map[string]any // all of it, as [ParseObject] gives it
	Method    string         // the key "method"
	HasMethod bool           // false when that key is absent, or null

	text []byte
}

// envelopeKeys are the keys of JSON-RPC 1.0, 1.1 and 2.0 [developer.mashery.com
// V2 docs], and "query", which clients send beside them.
func envelopeKeys() []string {
	return []string{"method", "params", "query", "id", "version", "jsonrpc"}
}

// ParseEnvelope reads the body of a V2 call. Beyond what [ParseObject] refuses
// there may be no two keys, and no key beside one of the envelope's own, that
// differ in case only: which of them a server obeys is anyone's guess.
func ParseEnvelope(text []byte) (*Envelope, error) {
	data, err := ParseObject(text)
	if err != nil {
		return nil, err
	}
	if err := distinctKeys(data); err != nil {
		return nil, err
	}
	envelope := &Envelope{Data: data, text: text}
	if value := data["method"]; value != nil {
		if envelope.Method, envelope.HasMethod = value.(string); !envelope.HasMethod {
			return nil, errors.New(`its "method" is not a string`)
		}
	}
	return envelope, nil
}

func distinctKeys(data map[string]any) error {
	spelt := map[string]string{}
	for _, key := range envelopeKeys() {
		spelt[fold(key)] = key
	}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		if other, ok := spelt[fold(key)]; ok && other != key {
			return fmt.Errorf("its keys %q and %q differ in case only", other, key)
		}
		spelt[fold(key)] = key
	}
	return nil
}

// fold gives one text for all that differ in case only. Upper case comes first
// because some letters, such as the long s, meet there alone.
func fold(key string) string { return strings.ToLower(strings.ToUpper(key)) }

// WithMethod is the text of an envelope without a method, with this one filled
// in; every other byte is as it was.
func (e *Envelope) WithMethod(method string) []byte {
	name, _ := json.Marshal(method) // a string can always be marshalled
	if _, isNull := e.Data["method"]; isNull {
		end := e.endOfMethod()
		return slices.Concat(e.text[:end-len("null")], name, e.text[end:])
	}
	before, after, _ := bytes.Cut(e.text, []byte("{"))
	comma := ","
	if len(e.Data) == 0 {
		comma = ""
	}
	return slices.Concat(before, []byte(`{"method":`), name, []byte(comma), after)
}

// endOfMethod is where in the text the value of the key "method" ends. The text
// is known to have it.
func (e *Envelope) endOfMethod() int {
	d := json.NewDecoder(bytes.NewReader(e.text))
	_, _ = d.Token() // the opening brace
	for {
		key, err := d.Token()
		if err == nil {
			err = d.Decode(new(json.RawMessage))
		}
		if key == "method" || err != nil {
			return int(d.InputOffset())
		}
	}
}
