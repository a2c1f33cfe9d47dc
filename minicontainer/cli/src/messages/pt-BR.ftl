## Avisos

damaged-image = a imagem { $digest } está danificada
damaged-container = o contêiner { $id } está danificado
closed-directory = { $directory } foi fechado para outros usuários, que podiam lê-lo (modo 0700)
missing-limits = limites não disponíveis nesta máquina: { $limits } (veja `minicontainer doctor`)
container-id-file-left = o arquivo com o ID do contêiner, { $path }, não pôde ser removido
commit-not-paused = o contêiner não é pausado, então os arquivos que ele escreve enquanto isso podem ficar incompletos na imagem
size-of-image = --size não tem efeito em imagens, que sempre mostram seu tamanho
signal-trouble = um sinal não teve efeito
weakened = { $flag }: { $meaning }
password-on-command-line = usar --password na linha de comando não é seguro: use --password-stdin
password-unencrypted = sua senha está guardada sem criptografia em { $path }; um credential helper (credsStore) a protege melhor
unused-build-arguments = um ou mais build-args não foram usados: [{ $names }]

## Notas

note-network = nota: contêineres têm só uma rede de loopback (--network none); --network host dá a eles a do host. Esta nota aparece uma única vez.

## Como um contêiner terminou

ended-time = encerrado depois de { $limit }: o limite de tempo (--timeout) foi atingido
ended-cpu-time = encerrado depois de { $limit } de tempo de processador: o limite (--cpu-time) foi atingido
ended-output = encerrado: o limite de saída (--output-limit) foi atingido
ended-output-limit = encerrado: o limite de saída de { $limit } (--output-limit) foi atingido
ended-memory = encerrado pelo kernel: o limite de memória (--memory) foi atingido
ended-memory-limit = encerrado pelo kernel: o limite de memória de { $limit } (--memory) foi atingido

## Chamadas de sistema recusadas

denied-none = o filtro seccomp não recusou nenhuma chamada de sistema
denied-heading = chamadas de sistema que o filtro seccomp recusou:
denied-allowed = --cap-add { $capability } a permite

## Colunas do juiz

judge-program = PROGRAMA
judge-accepted = ACEITOS
judge-time = TEMPO
