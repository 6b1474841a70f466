// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"mashproxy/mashery"
)

// The two blocks that go back and forth, as hcvault-mashery-api-auth has them.
const (
	recipientBlock = "MASHERY ROLE RECIPIENT"
	dataBlock      = "MASHERY ROLE DATA"
	// blockMax is the longest text that is searched for a block, in bytes.
	blockMax = 64 << 10
	// recipientLife is how long exports may be made for a recipient.
	recipientLife = 4 * time.Hour
	// recipientSkew is how much the clocks of two Vaults may differ.
	recipientSkew = 5 * time.Minute
	// leastKey is the shortest key of a recipient, in bits.
	leastKey = 2048
)

// recipient is for whom a role is exported.
type recipient struct {
	Key *rsa.PublicKey
	// Subject and Role are the recipient's name and that of its role, as it says.
	Subject, Role string
}

// newRecipient makes the block by which others export to a role.
func newRecipient(key *rsa.PrivateKey, roleName, commonName string, now time.Time) (string, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{"Mashery secrets engine"}, CommonName: commonName},
		NotBefore:             now.Add(-recipientSkew),
		NotAfter:              now.Add(recipientLife),
		KeyUsage:              x509.KeyUsageDataEncipherment,
		BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return "", fmt.Errorf("a certificate for role %q: %w", roleName, err)
	}
	return encodeBlock(recipientBlock, certificate, map[string]string{
		"Common-Name": commonName,
		"NotAfter":    template.NotAfter.UTC().Format(time.RFC3339),
		"Role":        roleName,
	}), nil
}

// parseRecipient reads such a block, and whether it may be exported to.
func parseRecipient(text string, now time.Time) (*recipient, error) {
	block, err := decodeBlock(text, recipientBlock, "what the recipient's roles/:role/pem gave")
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, errors.New("pem: the recipient's certificate cannot be read; it was damaged or tampered with")
	}
	key, ok := certificate.PublicKey.(*rsa.PublicKey)
	switch err := certificate.CheckSignature(certificate.SignatureAlgorithm, certificate.RawTBSCertificate, certificate.Signature); {
	case !ok || key.N.BitLen() < leastKey:
		return nil, fmt.Errorf("pem: the recipient's key is not an RSA key of at least %d bits", leastKey)
	case err != nil:
		return nil, errors.New("pem: the recipient's certificate is not signed by its own key; it was damaged or tampered with")
	case now.Before(certificate.NotBefore):
		return nil, fmt.Errorf("pem: the recipient's certificate is good from %s only; do the clocks of the two Vaults agree?", certificate.NotBefore.UTC().Format(time.RFC3339))
	case now.After(certificate.NotAfter):
		return nil, fmt.Errorf("pem: the recipient's certificate has expired at %s; have roles/:role/pem read anew", certificate.NotAfter.UTC().Format(time.RFC3339))
	}
	return &recipient{Key: key, Subject: certificate.Subject.String(), Role: block.Headers["Role"]}, nil
}

// newData makes the block that a role travels in.
func newData(sealed []byte, x *exchange, from string, to *recipient, now time.Time) string {
	headers := x.headers()
	headers["Date"] = now.UTC().Format(time.RFC3339)
	headers["Term"] = unlimited
	if x.Limits.Term != 0 {
		headers["Term"] = x.Limits.Term.left(now.Truncate(time.Second)).String()
	}
	headers["Recipient"] = to.Subject
	headers["Recipient Role"] = to.Role
	headers["Origin Role"] = from
	return encodeBlock(dataBlock, sealed, headers)
}

// headers are those that say what the block holds.
func (x *exchange) headers() map[string]string {
	r := role{
		AreaID: x.Role.AreaID, AreaNID: x.Role.AreaNID, APIKey: x.Role.APIKey, Secret: x.Role.Secret,
		Username: x.Role.Username, Password: x.Role.Password,
	}
	uses := unlimited
	if x.Limits != nil && x.Limits.Uses > 0 {
		uses = fmt.Sprintf("max %d uses", x.Limits.Uses)
	}
	return map[string]string{
		"Uses":              uses,
		"Max QPS":           strconv.Itoa(x.Role.QPS),
		"Forced Proxy Mode": strconv.FormatBool(x.Role.ForcedProxyMode),
		"V2 Capable":        strconv.FormatBool(r.capable(mashery.V2)),
		"V3 Capable":        strconv.FormatBool(r.capable(mashery.V3)),
	}
}

// checkHeaders refuses a block whose headers do not say what it holds, or not
// the role it is imported to: they are what people read before they import it,
// and are not encrypted.
func (x *exchange) checkHeaders(said map[string]string, to string) error {
	for name, is := range x.headers() {
		if says, ok := said[name]; ok && says != is {
			return otherThan(says, name, is)
		}
	}
	if says := said["Recipient Role"]; says != "" && says != to {
		return otherThan(says, "Recipient Role", to)
	}
	return x.checkTerm(said)
}

// checkTerm refuses a block whose header gives it another end than its data, or
// one that nobody can tell because the Date it counts from is not there. A block of
// hcvault-mashery-api-auth has a term that means nothing, but never one that ends
// later, and always a Date.
func (x *exchange) checkTerm(said map[string]string) error {
	lasts, told := said["Term"]
	if !told {
		return nil
	}
	var is, says term
	if x.Limits != nil {
		is = max(0, x.Limits.Term)
	}
	read := lasts == unlimited
	date, ours := dateOf(said)
	if d, err := time.ParseDuration(lasts); err == nil && !date.IsZero() {
		says, read = term(date.Add(d).Unix()), true
	}
	longer := read && is != 0 && (says == 0 || says > is+1)
	same := read && (says == 0) == (is == 0) && says-is <= 1 && is-says <= 1
	dateless := date.IsZero() && !same
	if longer || dateless || ours && !same {
		return otherThan(lasts, "Term", is.String())
	}
	return nil
}

// dateOf is when a block was made, by its header; zero: it cannot be read. ours
// says that it is written as the engine writes it; hcvault-mashery-api-auth does
// as package time prints it.
func dateOf(said map[string]string) (date time.Time, ours bool) {
	if date, err := time.Parse(time.RFC3339, said["Date"]); err == nil {
		return date, true
	}
	text, _, _ := strings.Cut(said["Date"], " m=")
	date, _ = time.Parse("2006-01-02 15:04:05.999999999 -0700 MST", text)
	return date, false
}

func otherThan(says, name, is string) error {
	return fmt.Errorf("its header says %q of %s, its data %q; it was tampered with", says, name, is)
}

// encodeBlock writes a block. A header is one line whatever it holds.
func encodeBlock(kind string, data []byte, headers map[string]string) string {
	for name, value := range headers {
		headers[name] = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return ' '
			}
			return r
		}, value)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Headers: headers, Bytes: data}))
}

// decodeBlock finds the block in the text.
func decodeBlock(text, kind, whatToGive string) (*pem.Block, error) {
	if len(text) > blockMax {
		return nil, fmt.Errorf("pem: it is longer than %d bytes; give %s", blockMax, whatToGive)
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, fmt.Errorf("pem: there is no whole PEM block in it; give %s", whatToGive)
	}
	if block.Type != kind {
		return nil, fmt.Errorf("pem: it holds a %s, not a %s; give %s", block.Type, kind, whatToGive)
	}
	return block, nil
}
