// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"bytes"
	"errors"
	"net/http"
	"strings"

	"mashproxy/agentext/apierror"
	"mashproxy/agentext/policy"
)

// readEnvelope reads the JSON-RPC envelope of a V2 call whose method and
// arguments local rules look at. Its method is the one that the path names, if
// it names one.
func (c *route) readEnvelope(header http.Header, body *policy.Body) (*policy.Envelope, *apierror.Error) {
	const why = "local rules look at V2 calls, so the body must be one JSON-RPC envelope of at most 1 MiB: "
	text, err := body.Whole()
	switch {
	case errors.Is(err, policy.ErrBodyTooLarge):
		return nil, apierror.New(http.StatusRequestEntityTooLarge, apierror.TooLarge, why+"it is longer")
	case err != nil:
		return nil, badRequest("the body could not be read: %s", err)
	case isForm(header, text):
		return nil, badRequest(why + "it is sent as a form; send it with Content-Type: application/json")
	}
	if err := policy.CheckEncoding(header, text); err != nil {
		return nil, badRequest(why+"%s", err)
	}
	envelope, err := c.parseEnvelope(text)
	switch {
	case err != nil:
		return nil, badRequest(why+"%s", err)
	case c.method == "":
		return envelope, nil
	case envelope.HasMethod && envelope.Method != c.method:
		return nil, badRequest("the path names the method %q and the body another; leave one of them out", c.method)
	}
	envelope.Method = c.method
	return envelope, nil
}

// parseEnvelope reads the text of a body as an envelope. Where the path names
// the method there may be nothing else to say.
func (c *route) parseEnvelope(text []byte) (*policy.Envelope, error) {
	if c.method != "" && len(bytes.Trim(text, " \t\r\n")) == 0 {
		text = []byte("{}")
	}
	return policy.ParseEnvelope(text)
}

// isForm tells whether a body is sent as a form and might be read as one: the
// curl that sends JSON with -d means none, and Vault knows that (http/handler.go).
func isForm(header http.Header, text []byte) bool {
	for _, kind := range header["Content-Type"] {
		if strings.Contains(strings.ToLower(kind), "form") {
			return len(text) > 0 && !bytes.HasPrefix(text, []byte("{")) || bytes.ContainsAny(text, "&;")
		}
	}
	return false
}
