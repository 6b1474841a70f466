// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"encoding/json"
	"strconv"
)

// oddly rewrites an answer's JSON into what some clients have seen, and others
// do not expect, if a fault asks for it.
func oddly(m *mishap, text json.RawMessage) json.RawMessage {
	if m.has(FaultNumericErrorCode) {
		text = rewritten(text, "errorCode", func(code json.RawMessage) json.RawMessage {
			var number string
			if json.Unmarshal(code, &number) != nil {
				return code
			}
			if _, err := strconv.Atoi(number); err != nil {
				return code
			}
			return json.RawMessage(number)
		})
	}
	if m.has(FaultTextTotal) {
		text = rewritten(text, "result", func(result json.RawMessage) json.RawMessage {
			return rewritten(result, "total_items", func(total json.RawMessage) json.RawMessage {
				return encode(string(total))
			})
		})
	}
	return text
}

// rewritten is an object with another value of that name; what is no object, or
// has no such name, stays as it is.
func rewritten(text json.RawMessage, name string, change func(json.RawMessage) json.RawMessage) json.RawMessage {
	var object map[string]json.RawMessage
	if json.Unmarshal(text, &object) != nil || object[name] == nil {
		return text
	}
	object[name] = change(object[name])
	return encode(object)
}
