Feature: The check
  An administrator asks what works.

  Background:
    Given the engine
    And the role "billing" with
      | explicit_num_uses | 5 |

  Scenario: All is well
    When I read "mash-creds/check?role=billing"
    Then it says
      | works             | true                              |
      | v2_endpoint       | answers: *                        |
      | v3_endpoint       | answers: *                        |
      | v3_token_endpoint | answers: *                        |
      | clock             | Mashery's agrees with this machine's |
      | role billing, v2  | works: test.echo was answered     |
      | role billing, v3  | works: a token for * more         |
    And it tells no credential

  Scenario: It costs no use of a role
    When I read "mash-creds/check?role=billing"
    And I read "mash-creds/roles/billing"
    Then it says
      | use_remaining | 5 times (0% used) |

  Scenario: A password is wrong
    Given I write to "mash-creds/roles/billing"
      | password | mistyped |
    When I read "mash-creds/check?role=billing"
    Then it says
      | works            | false    |
      | role billing, v2 | works: * |
      | role billing, v3 | fails: * |
    And it tells no credential

  Scenario: A role does not exist
    When I read "mash-creds/check?role=nosuch"
    Then it says
      | works       | false                    |
      | role nosuch | fails: it does not exist |

  Scenario: Mashery's clock is off
    Given Mashery has the fault "clock,by=10m"
    When I read "mash-creds/check?role=billing"
    Then it says
      | works | true                                       |
      | clock | Mashery's is *m*s ahead of this machine's |
