// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// transform makes a service definition of a Swagger 2 document, ready to be
// POSTed to /services [migration scripts]. Each path becomes an endpoint, and
// each operation one of its methods (chosen).
func transform(r *http.Request, body any, bodyErr error) reply {
	params, problems := parseQuery(r.URL.RawQuery)
	for name, only := range map[string]string{"sourceFormat": "swagger2", "targetFormat": "masheryapi"} {
		if first(params[name]) != only {
			problems = append(problems, problem{name, "Parameter '" + name + "' must be '" + only + "'.", wrong})
		}
	}
	document, isObject := body.(map[string]any)
	switch {
	case r.Method != http.MethodPost:
		return notAllowed(words("POST"))
	case problems != nil:
		return fail(http.StatusBadRequest, "The query is not valid.", problems...)
	case bodyErr != nil:
		return notJSON(bodyErr)
	case !isObject:
		return fail(http.StatusBadRequest, "The body is not an object.")
	}
	errors := swaggerProblems(document)
	answer := map[string]any{"document": nil, "validationErrors": errors}
	if len(errors) == 0 {
		answer["document"] = serviceOf(document, first(params["publicDomain"]))
	}
	return success(answer)
}

// swaggerProblems says what a Swagger document lacks.
func swaggerProblems(document map[string]any) []string {
	problems := []string{}
	if document["swagger"] != "2.0" {
		problems = append(problems, "'swagger' must be \"2.0\".")
	}
	if first(texts(document, "info", "title")) == "" {
		problems = append(problems, "'info.title' is required.")
	}
	if paths, ok := document["paths"].(map[string]any); !ok || len(paths) == 0 {
		problems = append(problems, "'paths' is required.")
	}
	return problems
}

// texts gives the texts at a place in a document.
func texts(document map[string]any, path ...string) []string {
	var found []string
	for _, value := range inside(document, path) {
		found = append(found, text(value))
	}
	return found
}

func serviceOf(document map[string]any, publicDomain string) map[string]any {
	host := text(document["host"])
	base := strings.TrimSuffix(text(document["basePath"]), "/")
	paths, _ := document["paths"].(map[string]any)
	endpoints := []any{}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		endpoints = append(endpoints, map[string]any{
			"name": path, "requestPathAlias": base + path, "outboundRequestTargetPath": base + path,
			"publicDomains":        []any{map[string]any{"address": cmp.Or(publicDomain, host)}},
			"systemDomains":        []any{map[string]any{"address": host}},
			"trafficManagerDomain": cmp.Or(publicDomain, host),
			"supportedHttpMethods": verbsIn(paths[path]),
			"methods":              methodsOf(path, paths[path]),
		})
	}
	return map[string]any{
		"name":        first(texts(document, "info", "title")),
		"description": first(texts(document, "info", "description")),
		"version":     first(texts(document, "info", "version")),
		"endpoints":   endpoints,
	}
}

// verbsIn are the operations of a path, sorted.
func verbsIn(path any) []any {
	operations, _ := path.(map[string]any)
	verbs := []any{}
	for _, verb := range words("delete get head options patch post put") {
		if operations[verb] != nil {
			verbs = append(verbs, verb)
		}
	}
	return verbs
}

func methodsOf(name string, path any) []any {
	operations, _ := path.(map[string]any)
	methods := []any{}
	for _, verb := range verbsIn(path) {
		operation, _ := operations[verb.(string)].(map[string]any)
		id, _ := operation["operationId"].(string)
		methods = append(methods, map[string]any{"name": cmp.Or(id, verb.(string)+" "+name)})
	}
	return methods
}
