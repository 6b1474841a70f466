// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// rpcError is the error of a JSON-RPC answer. The status differs from 200
// whenever there is one [V2 docs, error pages].
type rpcError struct {
	status  int
	Message string `json:"message"`
	Code    int    `json:"code"`
	Data    any    `json:"data,omitempty"`
}

// fieldError is what the data of an invalid object's error lists.
type fieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// invalid is Mashery's error 1000.
func invalid(field, message string) *rpcError {
	return &rpcError{http.StatusBadRequest, "Invalid Object", 1000, []fieldError{{field, message}}}
}

// noIdentifier is error 1002 of methods that look for an object [V2 docs, error
// tables of update and member.addRole].
func noIdentifier(field string) *rpcError {
	return &rpcError{status: http.StatusBadRequest, Message: fmt.Sprintf("Field %q is required.", field), Code: 1002}
}

// notFound is Mashery's error 5000 [same].
func notFound(t rpcType, id any) *rpcError {
	message := fmt.Sprintf("Object %q with %q of %q could not be found", t.name, t.key, text(id))
	return &rpcError{status: http.StatusBadRequest, Message: message, Code: 5000}
}

// refused turns what is wrong with an object into V2's error. Only what a method
// other than validate tells apart has a code of its own.
func refused(problems []problem) *rpcError {
	failure := &rpcError{http.StatusBadRequest, "Invalid Object", 1000, nil}
	switch reason := problems[0].reason; {
	case slices.ContainsFunc(problems, func(p problem) bool { return p.reason != reason }):
	case reason == duplicate:
		failure.Message, failure.Code = "Duplicate Object", 1001
	case reason == missing:
		failure.Message, failure.Code = "Missing Required Field", 1002
	}
	failure.Data = fieldErrors(problems)
	return failure
}

func fieldErrors(problems []problem) []fieldError {
	found := make([]fieldError, len(problems))
	for i, p := range problems {
		name := p.Property[strings.LastIndex(p.Property, ".")+1:]
		found[i] = fieldError{snake(p.Property), strings.ReplaceAll(p.Message, "'"+name+"'", "'"+snake(name)+"'")}
	}
	return found
}

// deleteFailed is Mashery's error 2003, for what other objects are in need of.
func deleteFailed() *rpcError {
	return &rpcError{status: http.StatusInternalServerError, Message: "Delete Failed", Code: 2003}
}

// The errors of JSON-RPC itself (chosen: the JSON-RPC over HTTP draft).
func parseError() *rpcError {
	return &rpcError{status: http.StatusInternalServerError, Message: "Parse error", Code: -32700}
}

func invalidRequest() *rpcError {
	return &rpcError{status: http.StatusBadRequest, Message: "Invalid Request", Code: -32600}
}

func methodNotFound() *rpcError {
	return &rpcError{status: http.StatusNotFound, Message: "Method not found", Code: -32601}
}

func invalidParams() *rpcError {
	return &rpcError{status: http.StatusInternalServerError, Message: "Invalid params", Code: -32602}
}
