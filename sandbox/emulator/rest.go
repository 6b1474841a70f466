// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// restBodyLimit bounds the body of a REST call.
const restBodyLimit = 8 << 20

var errTrailing = errors.New("something follows the JSON value")

// reply is an answer of the REST API.
type reply struct {
	status int
	body   any // nil: none
	total  int // X-Total-Count; negative: none
	allow  []string
}

// restError is an error as the REST API words it; the code is text
// [V3 docs, Errors; a recorded answer].
type restError struct {
	Code     string    `json:"errorCode"`
	Message  string    `json:"errorMessage"`
	Problems []problem `json:"errors,omitempty"`
}

func success(body any) reply { return reply{status: http.StatusOK, body: encode(body), total: -1} }

func fail(status int, message string, problems ...problem) reply {
	return reply{
		status: status, total: -1,
		body: restError{Code: strconv.Itoa(status), Message: message, Problems: problems},
	}
}

// serveREST answers a V3 call that the gateway let through; path is what
// follows /v3/rest/.
func (e *Emulator) serveREST(w http.ResponseWriter, r *http.Request, path []string) {
	w.Header().Set("Server", serverAPI)
	rep := e.rest(w, r, path)
	if rep.total >= 0 {
		w.Header().Set("X-Total-Count", strconv.Itoa(rep.total))
	}
	if rep.allow != nil {
		w.Header().Set("Allow", strings.Join(rep.allow, ", "))
	}
	e.answer(w, r, rep.status, rep.body)
}

// rest decides a call. Bodies are read before the store is locked, answers are
// encoded while it is.
func (e *Emulator) rest(w http.ResponseWriter, r *http.Request, path []string) reply {
	var body any
	var bodyErr error
	if r.Method == http.MethodPost || r.Method == http.MethodPut {
		body, bodyErr = decode(http.MaxBytesReader(w, r.Body, restBodyLimit))
	}
	if len(path) == 1 && path[0] == "transform" {
		e.counter.call(r.Method + " transform")
		return transform(r, body, bodyErr)
	}
	defer e.store.lockFor(r.Method)()
	t, known := e.store.resolve(path)
	e.counter.call(callClass(r.Method, t))
	verbs := verbsOf(t)
	switch {
	case !known:
		return fail(http.StatusNotFound, "The resource does not exist.")
	case !slices.Contains(verbs, r.Method):
		return notAllowed(verbs)
	case t.gone:
		return fail(http.StatusNotFound, "Unable to find "+t.kind.label+".")
	case bodyErr != nil:
		return notJSON(bodyErr)
	case t.part != nil:
		return e.store.restPart(r, t, body)
	case t.one:
		return e.store.restItem(r, t, body)
	}
	return e.store.restCollection(r, t, body)
}

func notAllowed(verbs []string) reply {
	rep := fail(http.StatusMethodNotAllowed, "The method is not allowed here.")
	rep.allow = verbs
	return rep
}

// notJSON refuses a body that cannot be read.
func notJSON(err error) reply {
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return fail(http.StatusRequestEntityTooLarge, fmt.Sprintf("The body is longer than %d bytes.", tooLong.Limit))
	}
	return fail(http.StatusBadRequest, "The body is not JSON: "+err.Error())
}

// callClass is how a call is counted; unknown verbs and paths share a class each.
func callClass(verb string, t target) string {
	if !slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "DELETE"}, verb) {
		verb = "OTHER"
	}
	if t.kind == nil {
		t.class = "(no such resource)"
	}
	return verb + " " + t.class
}

// verbsOf are the verbs a target knows, in upper case as HTTP has it
// [V3 docs, Resource Hierarchy].
func verbsOf(t target) []string {
	const reading = "GET HEAD"
	switch k := t.kind; {
	case k == nil:
		return nil
	case k.derive != nil, k.access == readOnly:
		return words(reading)
	case t.part != nil && t.part.list:
		return words(reading + " PUT DELETE")
	case t.part != nil, k.single:
		return words(reading + " POST PUT DELETE")
	case k.links != "" && t.one:
		return words(reading + " DELETE")
	case k.links != "":
		return words(reading + " POST DELETE")
	case t.one:
		return words(reading + " PUT DELETE")
	case t.parent == nil && k.access == shown:
		return words(reading + " PUT DELETE")
	}
	return words(reading + " POST PUT DELETE")
}

func (s *store) restItem(r *http.Request, t target, body any) reply {
	params, problems := parseQuery(r.URL.RawQuery)
	if problems != nil {
		return fail(http.StatusBadRequest, "The query is not valid.", problems...)
	}
	named := parseFields(params["fields"])
	switch {
	case r.Method == http.MethodPost: // of a kind that is single
		if t.item != nil {
			return fail(http.StatusBadRequest, "Unable to create "+t.kind.label+".", problem{"id", "There is one already.", duplicate})
		}
		return s.restCreate(t, body, named)
	case t.item == nil && t.preset != "" && r.Method == http.MethodPut:
		return s.restCreate(t, withID(body, t.preset), named)
	case t.item == nil:
		return fail(http.StatusNotFound, "Unable to find "+t.kind.label+".")
	case r.Method == http.MethodDelete:
		return s.restDelete(t.kind, []*object{t.item})
	case r.Method == http.MethodPut:
		change, isObject := body.(map[string]any)
		if !isObject {
			return fail(http.StatusBadRequest, "The body is not an object.")
		}
		if problems := s.check(t.kind, t.parent, t.item, change); problems != nil {
			return fail(http.StatusBadRequest, "Unable to update "+t.kind.label+".", problems...)
		}
		s.update(t.item, change)
	case t.kind.listed:
		rep := success(views([]*object{t.item}, named))
		rep.total = 1
		return rep
	}
	return success(t.item.view(named))
}

// withID is a body with that id, whatever it had; what is no object stays as it is.
func withID(body any, id string) any {
	object, isObject := body.(map[string]any)
	if !isObject {
		return body
	}
	object = maps.Clone(object)
	object["id"] = id
	return object
}

func (s *store) restCollection(r *http.Request, t target, body any) reply {
	query, problems := parseList(r.URL.RawQuery, t.kind)
	if problems != nil {
		return fail(http.StatusBadRequest, "The query is not valid.", problems...)
	}
	switch r.Method {
	case http.MethodPost:
		return s.restCreate(t, body, query.named)
	case http.MethodPut:
		return s.restUpdateMany(t, body, query.named)
	case http.MethodDelete:
		return s.restDelete(t.kind, slices.Clone(s.collection(t.kind, t.parent)))
	}
	page, total := query.page(s.collection(t.kind, t.parent))
	rep := success(views(page, query.named))
	rep.total = total
	return rep
}

func (s *store) restCreate(t target, body any, named fields) reply {
	fresh, isObject := body.(map[string]any)
	if !isObject {
		return fail(http.StatusBadRequest, "The body is not an object.")
	}
	if problems := s.check(t.kind, t.parent, nil, fresh); problems != nil {
		return fail(http.StatusBadRequest, "Unable to create "+t.kind.label+".", problems...)
	}
	return success(s.create(t.kind, t.parent, fresh).view(named))
}

// restDelete deletes objects, all or none.
func (s *store) restDelete(k *kind, objects []*object) reply {
	for _, o := range objects {
		if holder := s.heldBy(o); holder != nil && k.links == "" {
			return fail(http.StatusBadRequest, "Unable to delete "+k.label+".",
				problem{"id", "There is a " + holder.kind.label + " of it.", wrong})
		}
	}
	for _, o := range objects {
		if k.links != "" {
			s.unlink(k, o)
		} else {
			s.remove(o)
		}
	}
	return reply{status: http.StatusOK, total: -1}
}

// restUpdateMany changes several objects, all or none.
func (s *store) restUpdateMany(t target, body any, named fields) reply {
	changes, isArray := body.([]any)
	if !isArray {
		return fail(http.StatusBadRequest, "The body is not an array.")
	}
	objects := make([]*object, len(changes))
	var problems []problem
	for i, change := range changes {
		at := "[" + strconv.Itoa(i) + "]"
		fields, _ := change.(map[string]any)
		id, _ := fields["id"].(string)
		if objects[i] = s.find(t.kind, t.parent, id); objects[i] == nil {
			problems = append(problems, problem{at, "There is no object of that id.", wrong})
			continue
		}
		problems = append(problems, s.checkAt(t.kind, t.parent, objects[i], fields, at+".")...)
	}
	if problems != nil {
		return fail(http.StatusBadRequest, "Unable to update "+t.kind.label+".", problems...)
	}
	for i, o := range objects {
		s.update(o, changes[i].(map[string]any))
	}
	return success(views(objects, named))
}
