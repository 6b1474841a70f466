// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"mashproxy/mashery"
)

// adminBodyLimit bounds the faults that are sent at once.
const adminBodyLimit = 64 << 10

// Admin is how an [Emulator] is watched and told to fail from outside:
//
//	GET /             what it was asked, per key and second, and its faults
//	GET /faults       its faults
//	POST /faults      adds the faults of the body, one a line, as ParseFault reads them
//	DELETE /faults    ends all faults; /faults/{id} ends one
//	DELETE /tokens    makes every access token given so far unknown
//	POST /keys        makes a further API key known, see newKey
//
// Answers are JSON and hold no secret. Whoever reaches it may use it: it belongs
// on a loopback port of its own.
func (e *Emulator) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { answerAdmin(w, e.state()) })
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { answerAdmin(w, e.faultStates()) })
	mux.HandleFunc("POST /faults", e.postFaults)
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) {
		e.ClearFaults()
		answerAdmin(w, e.faultStates())
	})
	mux.HandleFunc("DELETE /faults/{id}", e.deleteFault)
	mux.HandleFunc("DELETE /tokens", func(w http.ResponseWriter, _ *http.Request) {
		e.KillTokens()
		answerAdmin(w, e.faultStates())
	})
	mux.HandleFunc("POST /keys", e.postKey)
	return mux
}

// adminState is what GET / answers.
type adminState struct {
	Counts Counts       `json:"counts"`
	Faults []faultState `json:"faults"`
}

// faultState is an active fault for people and programs.
type faultState struct {
	ID    int    `json:"id"`
	Fault string `json:"fault"` // as ParseFault reads it
	Calls int    `json:"calls"`
	// SecondsLeft is left out where a fault does not end by time.
	SecondsLeft float64 `json:"seconds_left,omitempty"`
}

func (e *Emulator) state() adminState { return adminState{e.Counts(), e.faultStates()} }

func (e *Emulator) faultStates() []faultState {
	states := []faultState{}
	for _, a := range e.Faults() {
		state := faultState{ID: a.ID, Fault: a.Fault.String(), Calls: a.Calls}
		if !a.Ends.IsZero() {
			left := a.Ends.Sub(e.opts.Now()).Round(time.Millisecond).Seconds()
			state.SecondsLeft = cmp.Or(left, 0.001)
		}
		states = append(states, state)
	}
	return states
}

func (e *Emulator) postFaults(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, adminBodyLimit))
	if err != nil {
		refuseAdmin(w, http.StatusBadRequest, err)
		return
	}
	faults, err := parseFaults(string(body))
	if err != nil {
		refuseAdmin(w, http.StatusBadRequest, err)
		return
	}
	added := make([]int, len(faults))
	for i, f := range faults {
		added[i] = e.faults.add(f, e.opts.Now())
	}
	states := slices.DeleteFunc(e.faultStates(), func(s faultState) bool { return !slices.Contains(added, s.ID) })
	answerAdmin(w, states)
}

// parseFaults reads one fault of each line: all of them are right, or none counts.
func parseFaults(text string) ([]Fault, error) {
	var faults []Fault
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		f, err := ParseFault(line)
		if err != nil {
			return nil, err
		}
		faults = append(faults, f)
	}
	if faults == nil {
		return nil, fmt.Errorf("send a fault in each line of the body, such as over_qps,for=10s; there are %s", join(FaultKinds()))
	}
	return faults, nil
}

func (e *Emulator) deleteFault(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || !e.ClearFault(id) {
		refuseAdmin(w, http.StatusNotFound, fmt.Errorf("there is no fault %s", r.PathValue("id")))
		return
	}
	answerAdmin(w, e.faultStates())
}

// newKey is a further API key, as a role of the secrets engine has it. All but
// the key and its secret is that of [Options].Credentials where it is left out.
type newKey struct {
	AreaID   string `json:"area_id"`
	AreaNID  int64  `json:"area_nid"`
	APIKey   string `json:"api_key"`
	Secret   string `json:"secret"`
	Username string `json:"username"`
	Password string `json:"password"`
	QPS      int    `json:"qps"` // 0: as in [Emulator.AddKey]
}

func (e *Emulator) postKey(w http.ResponseWriter, r *http.Request) {
	var k newKey
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, adminBodyLimit))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&k)
	switch {
	case err == io.EOF:
		err = errors.New(`send a key as JSON, such as {"api_key":"another","secret":"its-secret","qps":5}`)
	case err == nil && (k.APIKey == "" || k.Secret == ""):
		err = errors.New("a key needs api_key and secret")
	case err == nil && k.QPS < 0:
		err = fmt.Errorf("qps is %d: it must be a positive number, or left out", k.QPS)
	}
	if err != nil {
		refuseAdmin(w, http.StatusBadRequest, err)
		return
	}
	usual := e.opts.Credentials
	e.AddKey(mashery.Credentials{
		AreaID: cmp.Or(k.AreaID, usual.AreaID), AreaNID: cmp.Or(k.AreaNID, usual.AreaNID),
		APIKey: mashery.NewSecret(k.APIKey), Secret: mashery.NewSecret(k.Secret),
		Username: cmp.Or(k.Username, usual.Username), Password: mashery.NewSecret(cmp.Or(k.Password, usual.Password.Reveal())),
	}, k.QPS)
	answerAdmin(w, map[string]int{"keys": len(e.keys.all())})
}

func answerAdmin(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(encode(body), '\n')) // the client may have left
}

func refuseAdmin(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(encode(map[string]string{"error": err.Error()}), '\n'))
}
