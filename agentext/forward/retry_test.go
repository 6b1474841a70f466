// SPDX-License-Identifier: MPL-2.0

package forward

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/command/agentproxyshared/cache"
)

// script is a Proxier that answers as it is told: with a status, or with an
// error for 0. The last word is repeated.
type script struct {
	statuses []int
	err      error
	sent     int
	agents   []string
}

func (s *script) Send(_ context.Context, r *cache.SendRequest) (*cache.SendResponse, error) {
	status := s.statuses[min(s.sent, len(s.statuses)-1)]
	s.sent++
	// As the API proxy does.
	r.Request.Header.Set("User-Agent", "Vault Proxy; "+r.Request.Header.Get("User-Agent"))
	s.agents = append(s.agents, r.Request.Header.Get("User-Agent"))
	if status == 0 {
		return nil, s.err
	}
	var err error
	if status >= 400 {
		err = &api.ResponseError{StatusCode: status}
	}
	return &cache.SendResponse{Response: &api.Response{Response: &http.Response{StatusCode: status, Header: http.Header{}}}}, err
}

var (
	errRefused = fmt.Errorf("Put: %w", syscall.ECONNREFUSED)
	errReset   = fmt.Errorf("Put: %w", syscall.ECONNRESET)
)

func TestRetries(t *testing.T) {
	tests := map[string]struct {
		retrier  retrier
		script   script
		header   http.Header
		stream   bool
		sent     int
		status   int // 0: an error
		atLeast  time.Duration
		atMost   time.Duration
		timeOnly bool // sent depends on jitter
	}{
		"an answer":                       {script: script{statuses: []int{200}}, sent: 1, status: 200},
		"a refusal is passed on":          {script: script{statuses: []int{403}}, sent: 1, status: 403},
		"5xx is passed on at once":        {script: script{statuses: []int{500}}, sent: 1, status: 500},
		"a sealed Vault's 503 too":        {script: script{statuses: []int{503}}, sent: 1, status: 503},
		"429 too":                         {script: script{statuses: []int{429}}, sent: 1, status: 429},
		"a broken connection too":         {script: script{statuses: []int{0}, err: errReset}, sent: 1, status: 0},
		"412 until it is over":            {script: script{statuses: []int{412, 412, 200}}, sent: 3, status: 200, atLeast: 200 * time.Millisecond, atMost: 200 * time.Millisecond},
		"412 for a second at most":        {script: script{statuses: []int{412}}, sent: 10, status: 412, atMost: time.Second},
		"refused for a second at most":    {script: script{statuses: []int{0}, err: errRefused}, sent: 10, status: 0, atMost: time.Second},
		"refused, then there":             {script: script{statuses: []int{0, 204}, err: errRefused}, sent: 2, status: 204, atMost: time.Second},
		"refused, as Windows says it":     {script: script{statuses: []int{0, 204}, err: wsaConnRefused}, sent: 2, status: 204, atMost: time.Second},
		"412 is left to the client":       {retrier: retrier{leaves412: true}, script: script{statuses: []int{412}}, sent: 1, status: 412},
		"412 of a state the client asked": {retrier: retrier{leaves412: true}, header: http.Header{"X-Vault-Index": {"x"}}, script: script{statuses: []int{412, 200}}, sent: 2, status: 200, atMost: time.Second},
		"a body that is gone is not sent": {stream: true, script: script{statuses: []int{412}}, sent: 1, status: 412},

		"counted, 503":             {retrier: counted(2), script: script{statuses: []int{503}}, sent: 3, status: 503, atLeast: 3 * time.Second, atMost: 5 * time.Second},
		"counted, then there":      {retrier: counted(12), script: script{statuses: []int{503, 0, 200}, err: errReset}, sent: 3, status: 200, atLeast: 3 * time.Second, atMost: 5 * time.Second},
		"counted, 412":             {retrier: counted(1), script: script{statuses: []int{412}}, sent: 2, status: 412, atLeast: time.Second, atMost: 2 * time.Second},
		"counted, none":            {retrier: counted(0), script: script{statuses: []int{503}}, sent: 1, status: 503},
		"counted, a refusal is no": {retrier: counted(5), script: script{statuses: []int{403}}, sent: 1, status: 403},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := test.retrier
				r.next = &test.script
				e := &exchange{sent: test.stream}
				if test.stream {
					e.stream = strings.NewReader("")
				}
				request := httptest.NewRequest("PUT", "/v1/x", nil)
				for name, values := range test.header {
					request.Header[name] = values
				}
				request.Header.Set("User-Agent", "curl")
				began := time.Now()
				response, err := r.Send(withExchange(t.Context(), e), &cache.SendRequest{Request: request})
				took := time.Since(began)

				status := 0
				if response != nil {
					status = response.Response.StatusCode
				} else if !errors.Is(err, test.script.err) {
					t.Errorf("error %v", err)
				}
				if status != test.status || test.script.sent != test.sent {
					t.Errorf("%d after %d attempts, want %d after %d", status, test.script.sent, test.status, test.sent)
				}
				if took < test.atLeast || took > test.atMost {
					t.Errorf("took %s, want %s to %s", took, test.atLeast, test.atMost)
				}
				for _, agent := range test.script.agents {
					if agent != "Vault Proxy; curl" {
						t.Errorf("user agent %q: one attempt's header is in the next", agent)
					}
				}
				if e.last != response {
					t.Error("what Vault answered last is not remembered")
				}
			})
		})
	}
}

func counted(n int) retrier {
	return retrier{counted: true, retries: n, waitMin: time.Second, waitMax: 1500 * time.Millisecond}
}

func TestRetriesEndWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithTimeout(t.Context(), 250*time.Millisecond)
		defer leave()
		s := &script{statuses: []int{412}}
		began := time.Now()
		_, _ = (&retrier{next: s}).Send(withExchange(ctx, &exchange{}), &cache.SendRequest{Request: httptest.NewRequest("GET", "/v1/x", nil)})
		if took := time.Since(began); took != 250*time.Millisecond || s.sent != 3 {
			t.Errorf("%d attempts in %s", s.sent, took)
		}
	})
}
