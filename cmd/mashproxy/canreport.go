// SPDX-License-Identifier: MPL-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mashproxy/agentext/config"
	"mashproxy/agentext/intercept"
	"mashproxy/agentext/localrules"
	"mashproxy/agentext/policy"
)

// verdict is what becomes of a call.
type verdict string

// The verdicts, the worst last.
const (
	isAllowed verdict = "allowed"
	isVaults  verdict = "vault decides"
	isDenied  verdict = "denied"
)

// report is what is told of a call. Its exported fields are the JSON.
type report struct {
	Verb    string         `json:"verb"`
	Path    string         `json:"path"`
	Verdict verdict        `json:"verdict"` // the worst of the answers
	Answers []reportAnswer `json:"answers"`

	policies []string // names of the token's
}

// reportAnswer is what becomes of the call at some of the listeners.
type reportAnswer struct {
	Listeners []string `json:"listeners"`
	Verdict   verdict  `json:"verdict"`
	Status    int      `json:"status,omitempty"` // of a refusal, and its code
	Code      string   `json:"code,omitempty"`
	Cause     string   `json:"cause,omitempty"` // why Vault decides
	Reason    string   `json:"reason"`
	Rule      string   `json:"rule,omitempty"`  // that decides
	Place     string   `json:"place,omitempty"` // where it stands
}

// add adds a judgement to the same ones of other listeners.
func (r *report) add(listener string, j *intercept.Judgement) {
	answer := r.answerOf(j)
	if r.Verdict == "" || r.Verdict == isAllowed || answer.Verdict == isDenied {
		r.Verdict = answer.Verdict
	}
	for i := range r.Answers {
		listeners := r.Answers[i].Listeners
		r.Answers[i].Listeners = nil
		same := fmt.Sprint(r.Answers[i]) == fmt.Sprint(answer)
		if r.Answers[i].Listeners = listeners; same {
			r.Answers[i].Listeners = append(listeners, listener)
			return
		}
	}
	answer.Listeners = []string{listener}
	r.Answers = append(r.Answers, answer)
}

func (r *report) answerOf(j *intercept.Judgement) reportAnswer {
	switch {
	case j.Refusal != nil:
		return r.denied(j)
	case j.Block == nil:
		return reportAnswer{Verdict: isVaults, Cause: "forwarded", Reason: "this is no call to Mashery: it goes on to Vault as it is"}
	case j.Cause != "":
		return reportAnswer{Verdict: isVaults, Cause: j.Cause, Reason: j.Reason}
	}
	answer := reportAnswer{Verdict: isAllowed, Reason: fmt.Sprintf("it is signed here with a grant of the role %q and sent to Mashery", j.Role)}
	switch {
	case j.Block.Policy == config.PolicyOff:
		answer.Rule, answer.Place = `policy = "off"`, fmt.Sprintf("mashery %q, so Vault's policies are not asked", j.Block.Mount)
	case j.Decision.Rule == "":
		answer.Rule, answer.Place = "root", "a root token may do everything"
	default:
		answer.Rule, answer.Place = j.Decision.Rule, r.place()
	}
	return answer
}

func (r *report) denied(j *intercept.Judgement) reportAnswer {
	answer := reportAnswer{Verdict: isDenied, Status: j.Refusal.Status, Code: j.Refusal.Code, Reason: j.Refusal.Message}
	var local *localrules.Denied
	switch {
	case errors.As(j.Refusal, &local):
		answer.Rule, answer.Place = local.Key, local.Place
	case j.Decision.Verdict == policy.Denied && j.Decision.Rule != "":
		answer.Rule, answer.Place = j.Decision.Rule, r.place()
	case j.Decision.Verdict == policy.Denied && j.Decision.Path != "":
		answer.Place = r.place()
	}
	return answer
}

// place is where Vault's rules of the token stand.
func (r *report) place() string {
	switch len(r.policies) {
	case 0:
		return "the token's Vault policies"
	case 1:
		return "the token's Vault policy " + r.policies[0]
	}
	return "the token's Vault policies " + strings.Join(r.policies, ", ")
}

func (r *report) exitCode() int {
	switch r.Verdict {
	case isAllowed:
		return 0
	case isVaults:
		return exitByVault
	}
	return exitDenied
}

func (r *report) json() string {
	text, _ := json.MarshalIndent(r, "", "  ") // texts and numbers can always be marshalled
	return string(text)
}

// text is the report for people: one paragraph for all listeners with one
// answer, and where the answers differ the listeners' names before each.
func (r *report) text() string {
	var out strings.Builder
	for i, answer := range r.Answers {
		if i > 0 {
			out.WriteString("\n\n")
		}
		fmt.Fprintf(&out, "%s: %s %s", answer.Verdict, r.Verb, r.Path)
		lines := [][2]string{{"cause", answer.Cause}, {"rule", answer.Rule}, {"stands in", answer.Place}, {"reason", answer.Reason}}
		if answer.Code != "" {
			lines = slices.Insert(lines, 0, [2]string{"answer", fmt.Sprintf("%d %s", answer.Status, answer.Code)})
		}
		if len(r.Answers) > 1 {
			lines = slices.Insert(lines, 0, [2]string{"listener", strings.Join(answer.Listeners, ", ")})
		}
		for _, line := range lines {
			if line[1] != "" {
				fmt.Fprintf(&out, "\n  %-10s %s", line[0]+":", line[1])
			}
		}
	}
	return out.String()
}
