// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

// proxy makes one call to Mashery for the named role and returns the answer as
// it is.
func (b *backend) proxy(ctx context.Context, req *logical.Request, roleName string, call *mashery.Call) (*logical.Response, error) {
	reply, refused, err := b.call(ctx, req.Storage, roleName, call)
	switch {
	case refused != nil:
		return refused, err
	case err != nil:
		return b.failure(roleName, err)
	}
	return reply.raw(), nil
}

// call makes one call to Mashery for the named role; it makes the role's
// checks, and call is complete but for pacing. Where there is no reply, either
// the role refuses, with a response, or there is an error.
func (b *backend) call(ctx context.Context, s logical.Storage, roleName string, call *mashery.Call) (*reply, *logical.Response, error) {
	buyer, refused, err := b.use(ctx, s, roleName, call.API, toCall)
	if buyer == nil {
		return nil, refused, err
	}
	ctx, cancel := context.WithTimeout(ctx, b.bounds.Call)
	defer cancel()
	from := &source{buyer: buyer, API: call.API, call: ctx}
	call.MaxWait, call.Budget = b.bounds.Wait, from.budget
	sender, sent := buyer.Client.watched()
	reply, err := b.exchange(ctx, sender, call, from)
	if !sent.Load() {
		buyer.giveBack(ctx)
		if late(err) {
			err = errors.Join(errUnsent, err)
		}
	}
	return reply, nil, err
}

// errUnsent is the error of a call for whose sending there was no time.
var errUnsent = errors.New("the call could not be sent to Mashery in time, so it was not carried out; try again later")

// late tells whether it took too long.
func late(err error) bool {
	var slow *mashery.TimeoutError
	return errors.As(err, &slow) || errors.Is(err, context.DeadlineExceeded)
}

// reply is Mashery's answer to one call, read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
	// from signed the call, which the words of the reply might repeat.
	from *source
}

// exchange sends the call and reads the answer to its end.
func (b *backend) exchange(ctx context.Context, sender *mashery.Sender, call *mashery.Call, from *source) (*reply, error) {
	answer, err := sender.Send(ctx, call, from)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, b.bounds.Body+1))
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, &badAnswerError{"Mashery's answer broke off before its end; whether the call was carried out is not known"}
	case int64(len(body)) > b.bounds.Body:
		return nil, &badAnswerError{fmt.Sprintf("Mashery's answer is longer than the %d bytes passed on here; ask for fewer objects (limit) or fields", b.bounds.Body)}
	}
	return &reply{status: answer.StatusCode, header: answer.Header, body: body, from: from}, nil
}

// raw is the reply as the callers of a proxy path get it.
func (r *reply) raw() *logical.Response {
	return rawAnswer(r.status, r.header.Get("Content-Type"), answerHeader(r.header), r.body)
}

// rawAnswer is what Vault writes to its client byte for byte. The body is never
// a string, which Vault would try to decode as base64 (http/logical.go).
func rawAnswer(status int, contentType string, header http.Header, body []byte) *logical.Response {
	if contentType == "" {
		contentType = "application/octet-stream" // or Go would guess
	}
	return &logical.Response{
		Data: map[string]any{
			logical.HTTPStatusCode:  status,
			logical.HTTPContentType: contentType,
			logical.HTTPRawBody:     body,
		},
		Headers: header,
	}
}

// badAnswerError says that what Mashery sent cannot be passed on.
type badAnswerError struct{ text string }

func (e *badAnswerError) Error() string { return e.text }

// failure answers a request for which there was no answer of Mashery's, or no
// token: in the shape of Vault's errors, under the status a gateway gives, or as
// a mistake in the role where Mashery refused its credentials. What is not
// Mashery's doing stays an error of ours.
func (b *backend) failure(roleName string, err error) (*logical.Response, error) {
	status, text := b.noAnswer(roleName, err)
	switch {
	case text == "":
		return nil, fmt.Errorf("a call to Mashery for role %q: %w", roleName, err)
	case status == http.StatusBadRequest:
		return logical.ErrorResponse(text), nil
	}
	resp := errorAnswer(status, text)
	if wait := retryAfter(err); wait > 0 {
		resp.Headers["Retry-After"] = []string{strconv.Itoa(int(math.Ceil(wait.Seconds())))}
		resp.Headers[mashery.HeaderErrorCode] = []string{mashery.ErrDeveloperOverQPS}
	}
	return resp, nil
}

// retryAfter is when to come again where an API key has spent its calls of this
// second; 0: that is not the matter.
func retryAfter(err error) time.Duration {
	var full *mashery.OverQPSError
	if errors.As(err, &full) {
		return full.RetryAfter
	}
	if refusal := overQPS(err); refusal != nil {
		return refusal.RetryAfter
	}
	return 0
}

// noAnswer says why there was no answer of Mashery, and under which status;
// nothing when that is not Mashery's doing.
func (b *backend) noAnswer(roleName string, err error) (status int, text string) {
	var (
		full        *mashery.OverQPSError
		noToken     *mashery.TokenError
		unreachable *mashery.UnreachableError
		bad         *badAnswerError
	)
	switch {
	case errors.As(err, &full):
		return http.StatusForbidden, fmt.Sprintf("role %q: the API key has no free slot within %s; make fewer calls at once", roleName, b.bounds.Wait)
	case errors.As(err, &noToken) && noToken.Refused():
		return http.StatusBadRequest, fmt.Sprintf("role %q: %v", roleName, noToken)
	case errors.As(err, &noToken), errors.As(err, &unreachable), errors.As(err, &bad):
		return http.StatusBadGateway, fmt.Sprintf("role %q: %v", roleName, err)
	case errors.Is(err, errTokenLate):
		return http.StatusGatewayTimeout, fmt.Sprintf("role %q: %v", roleName, errTokenLate)
	case errors.Is(err, errUnsent):
		return http.StatusGatewayTimeout, fmt.Sprintf("role %q: %v", roleName, errUnsent)
	case late(err):
		return http.StatusGatewayTimeout, fmt.Sprintf("role %q: Mashery did not answer in time; whether the call was carried out is not known", roleName)
	}
	return 0, ""
}

func errorAnswer(status int, text string) *logical.Response {
	body, _ := json.Marshal(map[string][]string{"errors": {text}}) // strings always encode
	return rawAnswer(status, "application/json", answerHeader(nil), body)
}
