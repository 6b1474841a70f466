Feature: The shared token
  All readers of a role's token share one, which is kept until shortly before its end.

  Background:
    Given the engine
    And the role "billing"

  Scenario: Readers share a token
    When I read "mash-creds/roles/billing/token"
    Then it says
      | access_token | * |
      | qps          | * |
    And I remember "access_token" as {first}
    When I read "mash-creds/roles/billing/token"
    Then "access_token" is the same as {first}
    And Mashery gave 1 token

  Scenario: The role tells of its token
    When I read "mash-creds/roles/billing/token"
    And I read "mash-creds/roles/billing"
    Then it says
      | v3_token      | ---ACQUIRED--- |
      | v3_token_life | *m*s           |

  Scenario: A token that was forgotten is replaced
    When I read "mash-creds/roles/billing/token"
    And I remember "access_token" as {first}
    And I delete "mash-creds/roles/billing/token"
    And I read "mash-creds/roles/billing/token"
    Then "access_token" is another than {first}

  Scenario: Mashery gives no token
    Given Mashery has the fault "error,api=token,status=503"
    When I read "mash-creds/roles/billing/token"
    Then it is refused (502): role "billing": *503*the trouble is Mashery's, not the role's*

  Scenario: Five hundred readers of a role without a token
    When 500 programs read "mash-creds/roles/billing/token" at once
    Then all are answered within 30 seconds
    And all have the same "access_token"
    And Mashery gave 1 token
