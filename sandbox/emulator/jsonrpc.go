// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"bytes"
	"io"
	"net/http"
)

// rpcBodyLimit bounds a JSON-RPC request.
const rpcBodyLimit = 1 << 20

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

// rpcCall is a request's envelope, its names exactly so.
type rpcCall struct {
	version string // 1.0, 1.1 or 2.0
	method  string
	params  any // a list, an object or nil
	id      any
}

// serveRPC answers a V2 call that the gateway let through.
func (e *Emulator) serveRPC(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", serverAPI)
	call, failure := readCall(w, r)
	var result any
	if failure == nil {
		result, failure = e.run(call)
	} else {
		e.counter.call("v2 (no such method)")
	}
	status := http.StatusOK
	if failure != nil {
		status = failure.status
	}
	e.answer(w, r, status, call.envelope(result, failure))
}

func readCall(w http.ResponseWriter, r *http.Request) (rpcCall, *rpcError) {
	call := rpcCall{version: "1.0"}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refused := invalidRequest()
		refused.status = http.StatusMethodNotAllowed
		return call, refused
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, rpcBodyLimit))
	if err != nil {
		return call, parseError()
	}
	sent, err := decode(bytes.NewReader(body))
	if err != nil {
		return call, parseError()
	}
	envelope, isObject := sent.(map[string]any)
	if !isObject {
		return call, invalidRequest() // a batch, or no envelope at all
	}
	call.id = envelope["id"]
	switch {
	case envelope["jsonrpc"] != nil:
		call.version = "2.0"
	case envelope["version"] == "1.1":
		call.version = "1.1"
	}
	var isText bool
	if call.method, isText = envelope["method"].(string); !isText {
		return call, invalidRequest()
	}
	call.params = envelope["params"]
	return call, nil
}

// envelope is the answer, in the version of the request [V2 docs, JSON RPC].
func (c rpcCall) envelope(result any, failure *rpcError) map[string]any {
	answer := map[string]any{"id": c.id}
	switch c.version {
	case "1.0":
		answer["result"], answer["error"] = result, failure
		return answer
	case "1.1":
		answer["version"] = c.version
	default:
		answer["jsonrpc"] = c.version
	}
	if failure != nil {
		answer["error"] = failure
	} else {
		answer["result"] = result
	}
	return answer
}

// run does what a call asks for.
func (e *Emulator) run(call rpcCall) (any, *rpcError) {
	method := map[string]func(any) (any, *rpcError){
		"test.echo":    echo,
		"test.hello":   func(any) (any, *rpcError) { return "Hello!", nil },
		"object.query": e.objectQuery,
	}[call.method]
	if method == nil {
		e.counter.call("v2 (no such method)")
		return nil, methodNotFound()
	}
	e.counter.call("v2 " + call.method)
	switch call.params.(type) {
	case nil, []any, map[string]any:
		return method(call.params)
	}
	return nil, invalidParams()
}

// echo gives back its one parameter, or all of several.
func echo(params any) (any, *rpcError) {
	if list, ok := params.([]any); ok && len(list) == 1 {
		return list[0], nil
	}
	return params, nil
}

// objectQuery runs a query, the one text it is given [V2 docs, object.query].
func (e *Emulator) objectQuery(params any) (any, *rpcError) {
	source, ok := onlyText(params)
	if !ok {
		return nil, invalidParams()
	}
	q, err := parseObjectQuery(source)
	if err != nil {
		return nil, invalid("query", err.Error())
	}
	e.store.mu.RLock()
	defer e.store.mu.RUnlock()
	return q.run(e.store)
}

// onlyText gives the one text in a list or an object of parameters.
func onlyText(params any) (string, bool) {
	var only any
	switch p := params.(type) {
	case []any:
		if len(p) == 1 {
			only = p[0]
		}
	case map[string]any:
		if len(p) == 1 {
			for _, only = range p {
			}
		}
	}
	s, ok := only.(string)
	return s, ok
}
