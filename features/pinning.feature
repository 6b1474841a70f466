Feature: Pinning
  Beside being valid, the certificates of Mashery's servers may have to be certain ones.

  Background:
    Given Mashery has a certificate of its own authority
    And the engine
    And the role "billing"

  Scenario: An authority that nobody trusts
    When I read "mash-creds/roles/billing/token"
    Then it is refused (502): *certificate*
    And Mashery gave 0 tokens

  Scenario: An authority that the mount trusts
    When I write to "mash-creds/config"
      | root_ca | {authority} |
    And I read "mash-creds/roles/billing/token"
    Then it works

  Scenario: The right certificates are pinned
    When I write to "mash-creds/config/certs/leaf"
      | cn | *.mashery.com |
    And I write to "mash-creds/config/certs/issuer"
      | fp | {fingerprint} |
    And I write to "mash-creds/config"
      | root_ca     | {authority} |
      | tls_pinning | custom      |
    And I list "mash-creds/config/certs"
    Then it says
      | keys | ["leaf","issuer"] |
    When I read "mash-creds/roles/billing/token"
    Then it works

  Scenario: Another certificate is pinned
    When I write to "mash-creds/config/certs/leaf"
      | cn | mashery.example.com |
    And I write to "mash-creds/config"
      | root_ca     | {authority} |
      | tls_pinning | custom      |
    And I read "mash-creds/roles/billing/token"
    Then it is refused (502): *pinned is leaf with name "mashery.example.com", but seen was, from the leaf up, *
    And Mashery gave 0 tokens

  Scenario: Custom pinning without a pin is a mistake
    When I write to "mash-creds/config"
      | tls_pinning | custom |
    Then it is refused (400): nothing was changed: tls_pinning is custom, but nothing is pinned; *

  Scenario: Accepting anything is possible, with a warning
    When I write to "mash-creds/config"
      | tls_pinning | insecure |
    Then it warns: tls_pinning is insecure: whoever answers in Mashery's place is sent the roles' credentials
    When I read "mash-creds/roles/billing/token"
    Then it works
