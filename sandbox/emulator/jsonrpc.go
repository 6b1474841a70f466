// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

// rpcBodyLimit bounds a JSON-RPC request.
const rpcBodyLimit = 1 << 20

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
		result, failure = e.run(r, call)
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

// rpcMethod does what a call asks for, with its parameters: a list, an object or
// nil.
type rpcMethod func(params any) (any, *rpcError)

// run does what a call asks for.
func (e *Emulator) run(r *http.Request, call rpcCall) (any, *rpcError) {
	method := e.method(r, call.method)
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

// method finds a method by name, or gives nil.
func (e *Emulator) method(r *http.Request, name string) rpcMethod {
	if method := map[string]rpcMethod{
		"test.echo":         echo,
		"test.hello":        func(any) (any, *rpcError) { return "Hello!", nil },
		"object.query":      e.objectQuery,
		"object.list":       e.store.objectList,
		"object.describe":   e.store.objectDescribe,
		"member.addRole":    e.store.memberRole(true),
		"member.removeRole": e.store.memberRole(false),
		"area.fetch":        func(any) (any, *rpcError) { return e.area(r), nil },
	}[name]; method != nil {
		return method
	}
	space, verb, _ := strings.Cut(name, ".")
	if space == "oauth2" {
		return e.store.oauth.method(verb, e.now(r))
	}
	return e.store.objectMethod(space, verb)
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
	page, failure := q.run(e.store)
	if failure != nil {
		return nil, failure
	}
	return page, nil
}

// args gives parameters in the order of their names, however they were sent;
// nil for what was not.
func args(params any, names ...string) []any {
	values := make([]any, len(names))
	switch sent := params.(type) {
	case []any:
		copy(values, sent)
	case map[string]any:
		for i, name := range names {
			values[i] = sent[name]
		}
	}
	return values
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
