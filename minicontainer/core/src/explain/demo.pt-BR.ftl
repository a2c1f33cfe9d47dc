# O que diz o comando `demo`, em português do Brasil. As chaves começam com `demo-`.

demo-heading = Dois contêineres de uma imagem
demo-who-root = Você é root, então os contêineres são isolados com os privilégios do próprio root.
demo-who-user = Você é um usuário comum (uid { $uid }), então os contêineres são isolados dentro de um namespace de usuário: o root lá dentro é o seu próprio usuário aqui fora.
demo-forbidden = Um usuário comum precisa de um namespace de usuário para isolar qualquer coisa, e esta máquina não deixa você criar um: { $cause }.
demo-fix = rode a demonstração como root (sudo) ou permita que usuários criem namespaces de usuário: no Ubuntu `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, no Debian mais antigo `sudo sysctl kernel.unprivileged_userns_clone=1`, nos outros `sudo sysctl user.max_user_namespaces=15000`; dentro de outro contêiner, esse contêiner precisa permitir. `minicontainer doctor` mostra mais

demo-image = Uma imagem, criada sem rede
demo-image-busybox = A imagem { $name } acaba de ser criada com um programa desta máquina, { $program }: um único arquivo que contém { $applets } programas.
demo-image-tools = A imagem { $name } acaba de ser criada com { $programs } programas desta máquina, como { $program }, e com as bibliotecas de que eles precisam.
demo-image-present = A imagem { $name } já existia.
demo-image-layers = Ela tem { $count ->
    [one] uma camada
   *[other] { $count } camadas
 } ({ $size }). Uma camada é um diretório de arquivos que nunca mudam; seu nome é o digest do seu conteúdo:

demo-start = Dois contêineres, rodando ao mesmo tempo
demo-start-one = O primeiro contêiner diz: “Eu sou o processo { $inside } na máquina { $hostname }.”
demo-start-two = O segundo contêiner diz: “Eu sou o processo { $inside } na máquina { $hostname }.”
demo-start-host = Dois processos de número 1? Para o host eles são { $one } e { $two }: processos comuns deste único kernel, Linux { $release }. Cada um tem o seu próprio namespace de pid e namespace UTS, por isso os seus identificadores de processo começam em 1 e ele tem um hostname próprio.

demo-write = O primeiro contêiner escreve um arquivo; quem consegue vê-lo?
demo-found = está lá e diz “{ $content }”
demo-absent = não está
demo-place-one = no primeiro contêiner
demo-place-two = no segundo contêiner
demo-place-third = em um terceiro contêiner, recém-criado da imagem
demo-place-image = nas camadas da imagem
demo-place-host = no host, no mesmo caminho

demo-where = Onde está o arquivo, então?
demo-where-overlay = Os dois contêineres compartilham as mesmas camadas, armazenadas uma única vez. O sistema de arquivos overlay do kernel acrescenta por cima um diretório para cada contêiner, o seu diretório upper: as leituras passam por ele até as camadas, as escritas ficam nele.
demo-where-copy = O overlayfs não pode ser usado aqui, então cada contêiner tem uma cópia completa de todas as camadas e escreve nela:
demo-where-shared = as camadas que os dois compartilham, somente leitura
demo-where-one = o diretório upper do primeiro contém
demo-where-two = o diretório upper do segundo contém
demo-where-copy-one = mudanças na cópia do primeiro
demo-where-copy-two = mudanças na cópia do segundo
demo-where-nothing = nada

demo-end = Os dois contêineres foram encerrados e removidos, e com eles o arquivo. A imagem fica para você:
demo-end-time = Da primeira inicialização ao último término passaram-se { $milliseconds } ms.

demo-false = A demonstração encontrou um resultado inesperado: { $claim }. É um bug do minicontainer; por favor, relate-o.
demo-claim-process = o programa é o processo { $seen } do seu contêiner em vez de 1
demo-claim-hostname = o hostname do contêiner é { $seen } em vez de { $expected }
demo-claim-host-process = o host não tem um processo próprio para cada contêiner
demo-claim-content = o arquivo diz “{ $seen }” em vez de “{ $expected }”
demo-claim-leak = o arquivo do primeiro contêiner foi visto { $place }
demo-claim-layers = os dois contêineres não compartilham suas camadas
demo-claim-change = as mudanças de um contêiner são { $seen } em vez de { $expected }
